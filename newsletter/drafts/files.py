"""Where a draft goes."""

import datetime as dt
from pathlib import Path

from newsletter.drafts.escaping import line_of
from newsletter.errors import NewsletterError, Refused
from newsletter.files import make_folder, write_new
from newsletter.model.slug import slugified

_NAME_LENGTH = 60  # characters of a title in a file's name, whose bytes are limited


def issue_path(issues: Path, date: dt.date, title: str) -> Path:
    return issues / f"{date}-{(slugified(line_of(title)) or 'issue')[:_NAME_LENGTH].rstrip('-')}.md"


def write_issue(path: Path, text: str) -> None:
    """Write a new issue; an existing file is never overwritten."""
    try:
        make_folder(path.parent)
        write_new(path, text.encode())
    except FileExistsError as error:
        raise Refused(
            "this issue exists already", where=str(path), hint="Edit it, or choose another title."
        ) from error
    except OSError as error:
        raise NewsletterError(
            f"cannot write: {error.strerror}",
            where=str(path),
            hint="Make room or give access, then run it again.",
        ) from error
