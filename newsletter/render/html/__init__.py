"""Nodes -> HTML for a mail: the one place that escapes an author's text.

`<`, `>`, `&` and quotes are all escaped: mrml panics at a bare `>` after a letter beyond ASCII.
The look comes from the theme's classes, which docs/extending.md lists; nothing here has a colour.

inline    runs of text, links, buttons, pictures among words
pictures  pictures that stand alone or side by side
tables    tables
blocks    all other blocks, items and sections
tags      pieces of HTML that many blocks are made of
"""

from newsletter.render.html.blocks import HtmlWriter
from newsletter.render.html.inline import Sheet

__all__ = ["HtmlWriter", "Sheet"]
