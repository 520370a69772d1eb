"""What the server of `tests.warm` does before it forks the first command; imported there alone."""

import gc
import importlib
import os
import pkgutil
from contextlib import suppress
from pathlib import Path
from unittest import mock

from botocore.config import Config
from PIL import Image

import newsletter
from newsletter.aws.clients import open_clients
from newsletter.desk.prepare import prepare
from newsletter.project import Project
from newsletter.transports.ses.clients import SENDING
from tests import once

# What commands load once they know that they need it, some of it only where it is installed.
_LATE = (
    *("alembic.command", "anyio._backends._asyncio", "procrastinate.worker", "pydantic.v1"),
    *("sqlalchemy.dialects.postgresql.psycopg", "uvicorn.lifespan.on", "uvicorn.loops.auto"),
)


def _load() -> None:
    for module in pkgutil.walk_packages(newsletter.__path__, "newsletter."):
        if not module.name.startswith(("newsletter.__main__", "newsletter.store.migrations")):
            importlib.import_module(module.name)
    for name in _LATE:
        with suppress(ImportError):
            importlib.import_module(name)
    Image.preinit()


def _render() -> None:
    """For what rendering keeps: compiled templates, style sheets that were read."""
    for name in [name for name in os.environ if name.startswith("NEWSLETTER_")]:
        del os.environ[name]
    root = Path(__file__).parents[1]
    issue, *_ = sorted((root / "issues").glob("*.md"))
    prepare(Project.open(root), str(issue))


def _open_clients() -> None:
    """For the files that describe the services of AWS. With keys, it asks nobody for some."""
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with mock.patch.dict(os.environ, keys):
        for service in ("sesv2", "sqs"):
            open_clients(service, SENDING, region="eu-central-1", endpoint="", configs=[Config()])


_load()
_lasting = once.everything()  # as long as the server does
_render()
_open_clients()
gc.freeze()  # what is never looked at by its children is never copied for them
