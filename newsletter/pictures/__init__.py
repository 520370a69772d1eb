"""Files beside an issue -> pictures that may leave: small, upright, and nothing in them but pixels.

folder   which files an issue may show
scaling  the bytes of a file -> a Picture
gif      an animation, kept as it is but for what is written in it
inks     what is seen of a picture that shines through
"""

from newsletter.pictures.folder import PictureFolder
from newsletter.pictures.inks import inks

__all__ = ["PictureFolder", "inks"]
