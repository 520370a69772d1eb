"""What links answered, kept on disk so that no server is asked again and again."""

import datetime as dt
import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from newsletter.errors import NewsletterError
from newsletter.files import make_folder, write_whole

_KEPT = dt.timedelta(days=1)
_DOUBTED = dt.timedelta(hours=1)  # of a link that is dead or did not answer: it may be mended


class AnswerKind(StrEnum):
    ALIVE = "alive"
    MOVED = "moved"
    DEAD = "dead"
    NO_HOST = "no host"  # dead, unless no name at all can be resolved
    UNKNOWN = "unknown"  # the server would not say


class Answer(NamedTuple):
    """`detail` is where a link that has moved leads, or what was answered."""

    verdict: AnswerKind
    detail: str = ""


def kept_answers(path: Path, now: dt.datetime) -> dict[str, Answer]:
    """The answers that are still believed; none where the file cannot be read."""
    return {
        url: Answer(AnswerKind(verdict), detail)
        for url, (verdict, detail, _) in _fresh(path, now).items()
    }


def keep_answers(path: Path, answers: Mapping[str, Answer], now: dt.datetime) -> None:
    """Add answers to those that are kept, and forget the old ones. Raises NewsletterError."""
    new = {url: [answer.verdict, answer.detail, now.isoformat()] for url, answer in answers.items()}
    content = json.dumps({**_fresh(path, now), **new}, ensure_ascii=False, indent=0)
    try:
        make_folder(path.parent)
        write_whole(path, content.encode())
    except OSError as error:
        raise NewsletterError(
            f"cannot keep what links answer: {error.strerror}",
            where=str(path),
            hint="Let the user who runs this write there.",
        ) from error


def _fresh(path: Path, now: dt.datetime) -> dict[str, list[str]]:
    try:
        entries = json.loads(path.read_text("utf-8"))
        return {
            str(url): [str(verdict), str(detail), str(at)]
            for url, (verdict, detail, at) in entries.items()
            if _is_fresh(AnswerKind(verdict), dt.datetime.fromisoformat(at), now)
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _is_fresh(verdict: AnswerKind, at: dt.datetime, now: dt.datetime) -> bool:
    doubted = verdict not in (AnswerKind.ALIVE, AnswerKind.MOVED)
    return dt.timedelta(0) <= now - at < (_DOUBTED if doubted else _KEPT)
