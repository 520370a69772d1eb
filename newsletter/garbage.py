"""How often Python looks for garbage that its counting of references does not free."""

import gc

_USUAL = gc.get_threshold()
_NET_OBJECTS = 200_000


def look_seldom() -> None:
    """What starts makes many objects, and next to none is garbage."""
    gc.set_threshold(_NET_OBJECTS)


def look_as_usual() -> None:
    """A process that lives on makes garbage all the time, and libraries hold memory of their own by
    it, such as the answers of a database. What is loaded already stays, and is passed over."""
    gc.freeze()
    gc.set_threshold(*_USUAL)


def look_no_more() -> None:
    """Or Python would go through all objects once more, to leave."""
    gc.freeze()
