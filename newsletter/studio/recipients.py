"""The addresses to which this editor sent tests, the latest first: kept on this machine alone."""

from collections.abc import Sequence
from pathlib import Path

from newsletter.errors import ConfigurationError
from newsletter.files import make_folder, write_whole
from newsletter.project import Project

_MOST = 20


def remembered(project: Project) -> list[str]:
    try:
        lines = _file(project).read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [line.strip() for line in lines if line.strip()][:_MOST]


def remember(project: Project, addresses: Sequence[str]) -> None:
    """Raises ConfigurationError where they cannot be written."""
    lines = list(dict.fromkeys([*addresses, *remembered(project)]))[:_MOST]
    file = _file(project)
    try:
        make_folder(file.parent)
        write_whole(file, ("\n".join(lines) + "\n").encode(), private=True)
    except OSError as error:
        raise ConfigurationError(
            f"the addresses of tests cannot be kept: {error.strerror}",
            where=str(file),
            hint="Make room, or let the user who runs this write there.",
        ) from error


def _file(project: Project) -> Path:
    return project.root / "subscribers" / "test-addresses.txt"
