"""`python -m tests.crash.sleeper POINT ARGUMENTS`: a command that stops itself at a point, once.

SIGCONT lets it go on. What a test does meanwhile falls into that very moment on every machine.
"""

import os
import signal
import sys
from pathlib import Path

import newsletter.cli
from tests.crash.driver import Orders, Points, watch


def main() -> None:
    point, *arguments = sys.argv[1:]
    watch(Points(Path(os.devnull), Orders(at=(point, 1), signal=signal.SIGSTOP)))
    sys.argv = ["newsletter", *arguments]
    newsletter.cli.main()


if __name__ == "__main__":
    main()
