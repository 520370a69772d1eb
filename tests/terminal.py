"""A command at a terminal of a given width: what it writes there."""

import fcntl
import os
import pty
import re
import struct
import termios
from pathlib import Path

from tests.warm import Program

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def at_terminal(
    folder: Path, *arguments: str, columns: int = 80, **environment: str
) -> tuple[int, str]:
    """The exit code, and all that was written to the terminal on either stream."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    usual = {"NO_COLOR": "", "COLUMNS": "", "TERM": "xterm-256color"}
    process = Program(
        folder,
        *arguments,
        environment={**usual, **environment},
        stdin=its,
        stdout=its,
        stderr=its,
    )
    os.close(its)
    written = read_all(ours)
    os.close(ours)
    return process.code, written.replace("\r\n", "\n")


def without_colours(text: str) -> str:
    """What is left when our own colours are taken out."""
    return _COLOURS.sub("", text)


def read_all(terminal: int) -> str:
    read = b""
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the last writer has left
            return read.decode()
        if not piece:
            return read.decode()
        read += piece
