"""Nodes -> HTML for a mail: the one place that escapes an author's text.

`<`, `>`, `&` and quotes are all escaped: mrml panics at a bare `>` after a letter beyond ASCII.
The look comes from the theme's classes, which docs/extending.md lists; nothing here has a colour.

blocks    all blocks, items and sections: where each piece of HTML passes
frames    a block as the program writes it
insides   what stands in such a frame
standing  what is written one by one, and where it stands
own       a block as a theme writes it
inline    runs of text, links, buttons, pictures among words
pictures  pictures that stand alone or side by side
tables    tables
marks     the line of the issue in which a piece was written
tags      pieces of HTML that many blocks are made of
"""

from newsletter.render.html.blocks import HtmlWriter
from newsletter.render.html.inline import Sheet
from newsletter.render.html.own import NAMES, OwnBlock

__all__ = ["NAMES", "HtmlWriter", "OwnBlock", "Sheet"]
