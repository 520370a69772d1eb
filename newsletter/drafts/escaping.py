"""Text -> Markdown that reads as the same text, whatever signs it holds."""

import re

from newsletter.digest.characters import harmless
from newsletter.model.email import MERGE_FIELD

_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SPACE = re.compile(r"[ \t\r\n\f\v]+")
# What is markup wherever it stands; an underscore between letters and a lone & are not.
_ANYWHERE = re.compile(
    r"[\\`*\[\]<{]|(?<![^\W_])_|_(?![^\W_])|&(?=#|\w{1,40};)|~(?=~)|=(?==)|%(?=%)"
    r"|:(?=[a-z0-9+-][a-z0-9_+-]{0,40}:)|(?<=mailto):"
)
_AT_BEGINNING = re.compile(r"#{1,6}(?=\s|$)|[-+](?=\s|$|-)|[>=|]|:(?=::|\s)|!(?=!!)|~(?=~~)")
_NUMBER = re.compile(r"(\d{1,9})(?=[.)](?:\s|$))")


def line_of(text: str) -> str:
    """A text from outside as one clean line: what no file can hold is left out."""
    return _SPACE.sub(" ", _SURROGATE.sub("\ufffd", harmless(_SPACE.sub(" ", text)))).strip()


def escaped(text: str, *, every_sign: bool = False) -> str:
    """Markdown for a text within a line; with `every_sign`, no sign is left to chance.

    A merge field in it becomes code, in which no field is filled in.
    """
    pieces: list[str] = []
    start = 0
    for field in MERGE_FIELD.finditer(text):
        pieces += (_signs(text[start : field.start()], every_sign), code(field[0]))
        start = field.end()
    return "".join([*pieces, _signs(text[start:], every_sign)])


def _signs(text: str, every_sign: bool) -> str:
    if every_sign:
        return _PUNCTUATION.sub(r"\\\g<0>", text)
    return _ANYWHERE.sub(r"\\\g<0>", text).replace("//", r"/\/")  # no bare address


def line(markdown: str) -> str:
    """A line of a paragraph, which begins no block."""
    if match := _NUMBER.match(markdown):
        return f"{match[1]}\\{markdown[match.end() :]}"
    if markdown.startswith("import"):  # a line of MDX, which is left out
        return f"&#105;{markdown[1:]}"
    if _AT_BEGINNING.match(markdown):
        return f"\\{markdown}"
    return markdown


def code(text: str) -> str:
    """Code within a line."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    is_padded = text.startswith(("`", " ")) or text.endswith(("`", " "))
    pad = " " if is_padded and text.strip() else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def heading(markdown: str) -> str:
    """The text of a heading, whose last # is not taken for its end."""
    return re.sub(r"(#+)$", r"\\\1", markdown)


def target(url: str) -> str:
    """The target of a link or picture."""
    plain = re.sub(r"&(?=#|\w{1,40};)", "&amp;", url)
    if re.search(r"[\s()<>\\]", plain) or not plain:
        return f"<{re.sub(r'[<>]', lambda sign: f'%{ord(sign[0]):02X}', plain)}>"
    return plain


def title(text: str) -> str:
    """What stands behind a target, with a space before it; empty where there is nothing."""
    words = _PUNCTUATION.sub(r"\\\g<0>", line_of(text))
    return f' "{words}"' if text else ""
