"""How often Python looks for garbage that its counting of references does not free."""

import gc

# So many objects more than there were.
_SELDOM = 200_000
_OFTEN = 5_000  # Python's own 700 are a tenth of the time that an email takes to be rendered


def look_seldom() -> None:
    """What starts makes many objects, and next to none is garbage."""
    gc.set_threshold(_SELDOM)


def look_often() -> None:
    """A process that lives on makes garbage all the time, and libraries hold memory of their own by
    it, such as the answers of a database. What is loaded already stays, and is passed over."""
    gc.freeze()
    gc.set_threshold(_OFTEN)


def look_no_more() -> None:
    """Or Python would go through all objects once more, to leave."""
    gc.freeze()
