"""What the server of `tests.warm` does before it forks the first command; imported there alone."""

import gc
import importlib
import os
import pkgutil
from pathlib import Path

import newsletter
from newsletter.desk.prepare import prepare
from newsletter.project import Project


def _load() -> None:
    for module in pkgutil.walk_packages(newsletter.__path__, "newsletter."):
        if not module.name.startswith(("newsletter.__main__", "newsletter.store.migrations")):
            importlib.import_module(module.name)


def _render() -> None:
    """Once, for what rendering keeps: compiled templates, style sheets that were read."""
    for name in [name for name in os.environ if name.startswith("NEWSLETTER_")]:
        del os.environ[name]
    root = Path(__file__).parents[1]
    issue, *_ = sorted((root / "issues").glob("*.md"))
    prepare(Project.open(root), str(issue))


_load()
_render()
gc.freeze()  # what is never looked at by its children is never copied for them
