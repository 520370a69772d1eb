"""What stands where: the parts of a mail that are written one by one."""

from typing import NamedTuple

from newsletter.model.blocks import Block, Entry, Footnote, Item, ListItem, Section

FIRST_LEVEL = 3  # of headings below a section

BlockPart = Block | Item | Section | ListItem | Entry | Footnote


class PartContext(NamedTuple):
    """Where a part stands: the `level` of headings there, how many of their kind are above them
    (`below`), and whether it `follows` another of its kind, from which a line parts it."""

    level: int = FIRST_LEVEL
    below: int = 0
    follows: bool = False


ALONE = PartContext()
