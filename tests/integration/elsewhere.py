"""The program from another place than this checkout, in a process that runs what it is given."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.integration.commandline import Answer
from tests.waiting import PATIENCE_SECONDS

_COMMAND = """
import sys
from newsletter.cli import COMMANDS, frame
frame.run(frame.Group(COMMANDS), sys.argv[1:])
"""
# Runs a program for each line of its input; says what it left with and wrote.
_RUN = """
import contextlib, io, json, os, sys
import newsletter
print(json.dumps(newsletter.__file__), flush=True)
asked, sys.stdin = sys.stdin, open(os.devnull)
surroundings = dict(os.environ)
for line in asked:
    folder, environment, program, sys.argv[1:] = json.loads(line)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(surroundings | environment)
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            exec(program, {})
        except SystemExit as left:
            code = left.code or 0
    for stream in (out, err):
        stream.seek(0)
    print(json.dumps([code, out.read(), err.read()]), flush=True)
"""


class Elsewhere:
    """The program below `root`; what it has loaded once, it keeps."""

    def __init__(self, root: Path) -> None:
        clean = {name: value for name, value in os.environ.items() if "NEWSLETTER" not in name}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _RUN],
            cwd=root,
            env={**clean, "PYTHONPATH": str(root)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.file = Path(json.loads(self._process.stdout.readline()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=PATIENCE_SECONDS)

    def call(self, folder: Path, *arguments: str, environment: Mapping[str, str] = {}) -> Answer:
        """What a command answers."""
        return self.run(folder, _COMMAND, *arguments, environment=environment)

    def run(
        self, folder: Path, program: str, *arguments: str, environment: Mapping[str, str] = {}
    ) -> Answer:
        """What any text of a program answers that uses this one."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = json.dumps([str(folder), dict(environment), program, arguments])
        print(asked, file=self._process.stdin, flush=True)
        code, out, err = json.loads(self._process.stdout.readline())
        return Answer(code, out, err)
