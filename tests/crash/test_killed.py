"""A send that is killed and resumed loses nobody and mails nobody twice."""

from pathlib import Path

from tests.crash.campaign import kill_and_resume, prepare


def test_a_send_survives_kill_9(tmp_path: Path) -> None:
    """A short run of `make crash`: three kills over a few thousand recipients."""
    project = prepare(tmp_path, 3_000)

    result = kill_and_resume(project, kills=3, seed=1)

    assert result.recipients == 3_000
