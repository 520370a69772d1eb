"""The tour of the README, typed as a reader would."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.integration.commandline import fork, slow_down, speed_up
from tests.signals import ordinary_signals
from tests.waiting import PATIENCE_SECONDS

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
TOUR = README.partition("## A tour")[2].partition("\n## ")[0]
LINES = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", TOUR, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


def test_the_tour_of_the_readme_works_as_it_is_written(tmp_path: Path) -> None:
    """Every line, in order; at `press Ctrl-C` the signal comes once mail goes out."""
    shell = Shell(tmp_path)

    codes = [shell.type(line) for line in LINES]

    refused = [line for line, code in zip(LINES, codes, strict=True) if code == 5]
    assert set(codes) == {0, 5, 130}
    assert refused == ["newsletter send 2026-01-07-hello-world --list readers --yes"]
    assert [send["status"] for send in shell.sends()] == ["cancelled", "finished", "finished"]
    assert len(list(shell.folder.glob("outbox/*/*.eml"))) == 6


class Shell:
    """Takes lines as a reader of the README types them.

    The first and those that are interrupted go to a shell; the rest are forked, which is quicker.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        }

    def type(self, line: str) -> int:
        """The exit code of one line; what prepares the shell itself is done here already."""
        words = shlex.split(line, comments=True)
        if not words or words[0] == "." or words == ["cd", ".."]:
            return 0
        if words[0] == "cd":
            self.folder = self.folder / words[1]
            return 0
        if "SEND" in words:
            send_id = str(self.sends()[0]["send_id"])
            words = [send_id if word == "SEND" else word for word in words]
        paced = "--rate" in words
        if paced:  # so that Ctrl-C comes in time on any machine
            slow_down(self.folder)
        if "init" in words or "press Ctrl-C" in line:
            code = self._start(re.sub("(serve|studio)", r"\1 --port 0", line))
        else:
            code = self._fork(*words)
        if paced:
            speed_up(self.folder)
        return code

    def _start(self, line: str) -> int:
        """Let the shell find the program; the port that it takes otherwise may not be free."""
        with (self.folder / "notes").open("w") as notes, ordinary_signals():
            process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {line}"],
                cwd=self.folder,
                env=self._environment,
                stdout=notes,
                stderr=subprocess.STDOUT,
            )
        if "press Ctrl-C" in line:
            self._interrupt(process)
        code = process.wait(timeout=PATIENCE_SECONDS)
        assert "Traceback" not in self._notes()
        return code

    def _fork(self, program: str, *arguments: str) -> int:
        assert program == "newsletter"
        answer = fork(self.folder, *arguments)
        assert "Traceback" not in answer.err
        return answer.code

    def _interrupt(self, process: subprocess.Popen[bytes]) -> None:
        """Send Ctrl-C once the program is at it: it waits, serves, or has mailed somebody."""
        before = self._mailed()
        while process.poll() is None:
            if self._mailed() > before or re.search(
                "Waiting until|Serving at|studio is at", self._notes()
            ):
                process.send_signal(signal.SIGINT)
                return
            time.sleep(0.02)

    def _mailed(self) -> int:
        return len(list(self.folder.glob("outbox/*/*.eml")))

    def _notes(self) -> str:
        return (self.folder / "notes").read_text("utf-8")

    def sends(self) -> list[dict[str, object]]:
        answer = fork(self.folder, "sends", "--json")
        assert answer.code == 0
        return answer.lines
