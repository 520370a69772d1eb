"""An animated GIF without its comments and texts, and without the notes of programs.

Its frames stay byte for byte: unpacked and packed again they would be larger, and other colours.
The layout is that of the GIF89a specification.
"""

_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")  # how often it runs
_EXTENSION, _IMAGE, _END = 0x21, 0x2C, 0x3B
_CONTROL, _APPLICATION = 0xF9, 0xFF


def without_words(content: bytes) -> bytes:
    """The same animation. Raises ValueError or IndexError where the file is cut off or broken."""
    at = 13 + _table_bytes(content[10])
    blocks = [content[:at]]
    while content[at] != _END:
        start = at
        if content[at] == _IMAGE:
            at = _behind_blocks(content, at + 11 + _table_bytes(content[at + 9]))
            blocks.append(content[start:at])
        elif content[at] == _EXTENSION:
            at = _behind_blocks(content, at + 2)
            if _is_of_the_animation(content[start:at]):
                blocks.append(content[start:at])
        else:
            raise ValueError("no block of a GIF begins so")
    return b"".join(blocks) + bytes([_END])


def _table_bytes(packed: int) -> int:
    """How long the colour table is that a byte of flags announces."""
    return 3 << ((packed & 7) + 1) if packed & 0x80 else 0


def _behind_blocks(content: bytes, at: int) -> int:
    """The place behind a run of blocks; each has its length in front, and an empty one ends the
    run."""
    while content[at]:
        at += 1 + content[at]
    return at + 1


def _is_of_the_animation(extension: bytes) -> bool:
    label = extension[1]
    return label == _CONTROL or (label == _APPLICATION and extension[3:14] in _LOOPS)
