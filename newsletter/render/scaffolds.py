"""A new issue, as its theme begins one."""

import datetime as dt
import json
import re

from newsletter.render.sandbox import Templates
from newsletter.render.theme import Theme, load_theme, packaged_templates

_FILE = "scaffold.md.j2"
_USUAL = "digest"
_DATE = re.compile(r"\A---\n(?:(?!---\n).*\n)*?date:.*\n")
_FENCE = re.compile(r"\A---\n")


def scaffold_of(theme: Theme, title: str, date: dt.date, *, names_theme: bool = False) -> str:
    """An issue from the scaffold of a theme, else from that of `digest`; with `names_theme` its
    front matter says in which theme it is. Raises RenderError."""
    templates = Templates(theme)
    if not templates.has(_FILE):
        templates = Templates(load_theme(_USUAL, [packaged_templates()]))
    # A JSON string is a YAML string: quotes, colons and braces in a title do no harm.
    values = {"title": json.dumps(title, ensure_ascii=False), "date": date}
    issue = templates.render(_FILE, values).rstrip() + "\n"
    if not names_theme:
        return issue
    head = _DATE.match(issue) or _FENCE.match(issue)
    if head is None:
        return f"---\ntheme: {theme.name}\n---\n{issue}"
    return f"{head[0]}theme: {theme.name}\n{issue[head.end() :]}"
