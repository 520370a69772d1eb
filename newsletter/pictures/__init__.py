"""Files beside an issue -> pictures that may leave: small, upright, and nothing in them but pixels.

folder   which files an issue may show
scaling  the bytes of a file -> a Picture
gif      an animation without its comments and texts
inks     the visible colours of a transparent picture
"""

from newsletter.pictures.folder import PictureFolder
from newsletter.pictures.inks import inks

__all__ = ["PictureFolder", "inks"]
