"""Real digests of other people: which may be sent, and which were published by accident."""

from pathlib import Path

import pytest

from newsletter.desk.prepare import prepare
from newsletter.project import Project

ROOT = Path(__file__).parents[3]
REAL = ROOT.parent / "shared" / "digests"
DIGESTS = sorted(path for path in REAL.glob("*.md") if path.name != "README.md")
ERRORS = {
    "2026-01-29-economy-daily.md": {"truncated-issue"},
    "2026-05-05-economy-daily.md": {"placeholder-issue"},
    "2026-08-19-this-week-in-rust.md": {"html-too-large"},
    "2022-01-nixos-weekly.md": {"date-invalid"},  # published with `Date: 2021-(TODO: MM-DD)`
}


@pytest.fixture(scope="module")
def project() -> Project:
    return Project.open(ROOT)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"put a collection of real digests at {REAL}")
@pytest.mark.parametrize("path", DIGESTS, ids=lambda path: path.name)
def test_only_broken_issues_have_errors(project: Project, path: Path) -> None:
    """Short, unlinked, odd and foreign ones may be sent; every finding says what and where."""
    prepared = prepare(project, str(path))

    lines = len(path.read_text("utf-8").splitlines())
    assert {finding.rule for finding in prepared.errors} == ERRORS.get(path.name, set())
    for finding in prepared.findings:
        assert finding.message
        assert finding.fix
        assert 1 <= finding.position.line <= lines + 1


def test_the_sample_issue_of_this_project_is_clean() -> None:
    project = Project.open(ROOT)

    for path in project.issue_files():
        assert prepare(project, str(path)).findings == ()
