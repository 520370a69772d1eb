"""The signs beside an author's words: bullets, rules, arrows. A theme may have others."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

LONGEST = 72  # characters: a rule of the text part fits on one line of a plain mail program


@dataclass(frozen=True, slots=True)
class HtmlSigns:
    """Those of HTML; `[signs]` of a theme."""

    done: str = "☑"
    open: str = "☐"
    film: str = "▶"
    sound: str = "♪"
    source: str = "›"
    back: str = "↩\ufe0e"
    back_rtl: str = "↪\ufe0e"
    attribution: str = "—"
    between: str = "·"
    end: str = "◆"


@dataclass(frozen=True, slots=True)
class TextSigns:
    """Those of the text part; `[text_signs]` of a theme."""

    section: str = "━" * 24
    subsection: str = "─" * 24
    item: str = "■"
    rule: str = "· · ·"
    bullet: str = "-"
    brief: str = "•"
    done: str = "[x]"
    open: str = "[ ]"
    quote: str = ">"
    attribution: str = "—"
    between: str = "·"
    cell: str = "|"
    label_begins: str = "〔"
    label_ends: str = "〕"


TABLES: Mapping[str, type[HtmlSigns | TextSigns]] = {"signs": HtmlSigns, "text_signs": TextSigns}


def names(table: str) -> list[str]:
    return sorted(sign.name for sign in fields(TABLES[table]))


def is_sign(value: Any) -> bool:
    """Whether a value is visible text on one line, and not too long."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST
        and value == value.strip()
        and not any(character < " " or character in "\x7f\x85\u2028\u2029" for character in value)
    )
