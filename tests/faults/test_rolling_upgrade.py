"""Processes of two versions at one store, of which the newer one brings the tables to its own."""

import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

import newsletter
from newsletter.store.schema import REVISION
from tests.crash import checker
from tests.crash.checker import Known
from tests.crash.stage import Stage, falls_asleep
from tests.faults.conftest import RECIPIENTS
from tests.faults.leaving import serving
from tests.integration.commandline import Answer
from tests.integration.elsewhere import Elsewhere
from tests.integration.server import DATABASE, USER, Server
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.postgresql

_NEXT = f"{int(REVISION) + 1:04}"
_MIGRATION = f"""
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{_NEXT}", "{REVISION}", None, None


def upgrade() -> None:
    op.add_column("sends", sa.Column("colour", sa.Text()))
"""


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    """The next version: this one with one more migration."""
    root, package = tmp_path_factory.mktemp("newer"), Path(newsletter.__file__).parent
    shutil.copytree(package, root / "newsletter")
    shutil.copytree(package.parent / "templates", root / "templates")
    versions = root / "newsletter" / "store" / "migrations" / "versions"
    (versions / f"v{_NEXT}_colours.py").write_text(_MIGRATION, "utf-8")
    with Elsewhere(root) as elsewhere:
        yield elsewhere


def call(newer: Elsewhere, stage: Stage, *arguments: str) -> Answer:
    return newer.call(stage.project, *arguments, "--json", environment=stage.environment)


def test_the_next_version_at_an_older_store_says_what_to_run(
    stage: Stage, newer: Elsewhere
) -> None:
    refused = call(newer, stage, "sends")

    assert refused.code == 1
    assert f"has schema {REVISION}, this version needs {_NEXT}" in refused.error["message"]
    assert "newsletter db upgrade" in refused.error["hint"]


def test_no_upgrade_goes_through_while_workers_send(stage: Stage, newer: Elsewhere) -> None:
    play = stage.new_play()
    claimed = ("after the commit in sending.core._claim", 2)
    sending = stage.start(*play.next_command(), at=claimed, signal=signal.SIGSTOP)
    falls_asleep(sending)

    refused = call(newer, stage, "db", "upgrade")
    sending.wake()

    assert refused.code == 5
    assert str(play.send_id) in refused.error["message"]
    assert sending.code == 0, sending.said
    assert checker.faults_of_the_end(play.ledger(), play.taken(), Known()) == []


def test_what_ran_before_an_upgrade_notices_and_mails_nobody(
    server: Server, stage: Stage, newer: Elsewhere
) -> None:
    stage.quieten()
    server.execute(f"CREATE DATABASE later TEMPLATE {DATABASE} OWNER {USER}")
    url = server.url(database="later")
    old = replace(stage, url=url).by_way_of(url)
    play = old.new_play()
    worker = old.start("worker")
    until(lambda: checker.others_connected(url) > 0)

    with serving(old) as site:
        upgraded = call(newer, old, "db", "upgrade")
        planned = call(newer, old, *play.next_command("--detach"))
        health = code_of(f"{site}/healthz")
    sent = old.call("resume", str(play.send_id))
    mails = play.taken()
    finished = call(newer, old, "worker", "--once")

    assert (upgraded.code, upgraded.json["after"]) == (0, _NEXT), upgraded
    assert planned.code == 0, planned
    assert worker.code == 1
    for old_one in (worker, sent):
        assert f"newer than this version's {REVISION}" in old_one.said
        assert "Traceback" not in old_one.said
    assert (sent.code, health, mails) == (1, 503, [])
    assert finished.code == 0, finished
    assert checker.faults_of_the_end(play.ledger(), play.taken(), Known()) == []
    assert len(play.taken()) == RECIPIENTS


def code_of(url: str) -> int:
    try:
        with urlopen(url, timeout=PATIENCE_SECONDS) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code
