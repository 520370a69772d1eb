"""Kill a running send at seeded random moments, resume it, and compare the outbox with the ledger.

The checker reads the files and the database with tools of its own: it shares no code with the
sender. `make crash` runs the long campaign, the test suite a short one.
"""

import email
import email.policy
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

BATCH = 50


@dataclass(frozen=True)
class Result:
    """What one campaign saw; `unknown` rows were left by kills and decided by the operator."""

    kills: int
    recipients: int
    unknown: int
    seconds: float


def newsletter(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "newsletter", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def prepare(folder: Path, recipients: int) -> Path:
    """A new newsletter with `recipients` readers on a list."""
    project = folder / "letter"
    assert newsletter(folder, "init", str(project)).returncode == 0
    rows = "".join(f"reader{n}@example.com,Reader {n}\n" for n in range(recipients))
    (project / "readers.csv").write_text(f"email,name\n{rows}", "utf-8")
    done = newsletter(project, "subscribers", "import", "readers.csv", "--list", "readers")
    assert done.returncode == 0, done.stderr
    return project


def kill_and_resume(project: Path, kills: int, seed: int) -> Result:
    """Kill `kills` runs of one send, then let it finish; raises AssertionError where it broke."""
    started = time.monotonic()
    chance = random.Random(seed)
    [issue] = (project / "issues").glob("*.md")
    command = ["send", issue.stem, "--list", "readers", "--yes", "--json"]
    killed = 0
    while killed < kills:
        process = subprocess.Popen(
            [sys.executable, "-m", "newsletter", *command],
            cwd=project,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=0.35 + chance.random() * 0.9)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
            unknown_within_bound(project, killed)
        if (send_id := newest_send(project)) is not None:
            command = ["resume", send_id, "--json"]
        if process.returncode in (0, 4):
            break  # it finished before the next kill
    last = newsletter(project, *command)
    balance = json.loads(last.stdout)
    assert last.returncode == (4 if balance["unknown"] else 0), last.stderr
    check(project, balance)
    return Result(killed, balance["recipients"], balance["unknown"], time.monotonic() - started)


def newest_send(project: Path) -> str | None:
    with closing(sqlite3.connect(project / "subscribers" / "newsletter.db")) as database:
        row = database.execute("SELECT id FROM sends ORDER BY number DESC").fetchone()
    return None if row is None else str(row[0])


def unknown_within_bound(project: Path, kills: int) -> None:
    """At most one batch per kill may be in doubt (one worker)."""
    with closing(sqlite3.connect(project / "subscribers" / "newsletter.db")) as database:
        query = "SELECT count(*) FROM deliveries WHERE status IN ('sending', 'unknown')"
        [in_doubt] = database.execute(query).fetchone()
    assert in_doubt <= kills * BATCH, f"{in_doubt} in doubt after {kills} kills"


def check(project: Path, balance: dict[str, int]) -> None:
    """The outbox against the ledger: nothing lost, nothing twice, unknown only where it may be."""
    parts = ("accepted", "rejected", "skipped", "unknown", "queued")
    assert balance["recipients"] == sum(balance[part] for part in parts)
    assert balance["queued"] == 0
    with closing(sqlite3.connect(project / "subscribers" / "newsletter.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = database.execute(
            "SELECT s.address, d.status, d.attempts FROM deliveries d "
            "JOIN subscribers s ON s.id = d.subscriber_id"
        ).fetchall()
    mailed = Counter(recipient(path) for path in (project / "outbox").rglob("*.eml"))
    assert max(mailed.values()) == 1, "an address has two mails"
    accepted = {address for address, status, _ in rows if status == "accepted"}
    unknown = {address for address, status, _ in rows if status == "unknown"}
    assert accepted <= mailed.keys(), "the ledger says accepted, the outbox has no mail"
    assert mailed.keys() <= accepted | unknown, "a mail that the ledger does not account for"
    assert len(accepted) + len(unknown) == len(rows), "a recipient is lost"
    assert all(attempts == 1 for _, _, attempts in rows), "a recipient was tried twice"


def recipient(path: Path) -> str:
    """The To of a mail, which must parse without defects."""
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert not message.defects, path
    return str(message["To"])


def main() -> None:
    """Ten kills over ten thousand recipients, for each of a few seeds."""
    for seed in range(int(os.environ.get("SEEDS", "3"))):
        with tempfile.TemporaryDirectory() as folder:
            result = kill_and_resume(prepare(Path(folder), 10_000), kills=10, seed=seed)
        print(
            f"seed {seed}: {result.kills} kills, {result.recipients:,} recipients, "
            f"0 lost, 0 twice, {result.unknown} unknown, {result.seconds:.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
