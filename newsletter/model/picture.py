"""Pictures that lie beside an issue, as readers get them."""

import hashlib
from dataclasses import dataclass, field

from newsletter.model.finding import Severity

COLUMN_PIXELS = 576  # CSS pixels between the margins of a mail
COVER_PIXELS = 640  # from edge to edge


@dataclass(frozen=True, slots=True)
class Picture:
    """`name` is made of the hash of its content, so that it says nothing about the author's file
    and the same name is the same picture for ever; width and height are those of `content`."""

    name: str
    content: bytes = field(repr=False)
    width: int
    height: int


def name_of(content: bytes, extension: str) -> str:
    return f"{hashlib.sha256(content).hexdigest()[:32]}.{extension}"


MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif"}
NAME_PATTERN = rf"[0-9a-f]{{32}}\.(?:{'|'.join(MEDIA_TYPES)})"


def media_type(name: str) -> str:
    return MEDIA_TYPES[name.rpartition(".")[2]]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a picture, wherever it is used."""

    rule: str
    severity: Severity
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class PictureResult:
    """What became of a picture's file: `url` is None where it cannot be shown; width and height
    are the CSS pixels at which it is shown."""

    url: str | None = None
    width: int = 0
    height: int = 0
    problems: tuple[Problem, ...] = ()
