"""What is made wrong on purpose, to see that a soak finds it.

Each is a text of one file of the program, and another in its place, in a copy by which the parts
are run. `seen` is in the words of the fault that must be found.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import newsletter

_PACKAGE = Path(newsletter.__file__).parent
GUARD_SECONDS = 30.0
_KEPT = 'globals().setdefault("_KEPT", [])'


@dataclass(frozen=True, slots=True)
class Guard:
    what: str
    file: str
    text: str
    mutated: str
    seen: str
    store: str = "sqlite"

    def put_in(self, folder: Path) -> None:
        """Make a copy of the program with it, in a folder that comes before all others."""
        shutil.copytree(
            _PACKAGE, folder / "newsletter", ignore=shutil.ignore_patterns("__pycache__")
        )
        shutil.copytree(_PACKAGE.parent / "templates", folder / "templates")
        path = folder / "newsletter" / self.file
        path.write_text(self.check().replace(self.text, self.mutated), "utf-8")

    def check(self) -> str:
        """The file's text, which must hold what is replaced once."""
        source = (_PACKAGE / self.file).read_text("utf-8")
        assert source.count(self.text) == 1, f"{self.file} has not, or not once: {self.text}"
        return source


_BEGINS = "        began = time.perf_counter()\n        answer = _Answer("
_DELIVERS = "        faults = limits.faults(batch)\n"
_LOOKS = "    while not worker.stop.is_set():\n        worker.vitals.looks()\n"
_ONCE = "            if not self._is_away:\n                self._is_away = True\n"

GUARDS = {
    "files": Guard(
        "files that each request leaves open",
        "web/frame.py",
        _BEGINS,
        f'        {_KEPT}.extend(open("/dev/null") for _ in range(9))\n{_BEGINS}',
        "serve: open files grew",
    ),
    "memory": Guard(
        "memory that each call of SES keeps",
        "transports/ses/transport.py",
        _DELIVERS,
        f'        {_KEPT}.append(b"x" * 40_000_000)\n{_DELIVERS}',
        "memory grew",
    ),
    "threads": Guard(
        "threads that each request leaves behind",
        "web/frame.py",
        _BEGINS,
        "        import threading\n"
        "        threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        f"{_BEGINS}",
        "serve: open threads grew",
    ),
    "looks": Guard(
        "a line for each look for work",
        "operations/attend.py",
        _LOOKS,
        f'{_LOOKS}        _log.info("look")\n',
        "with nothing to do",
    ),
    "tries": Guard(
        "a line for each try while the store is away",
        "sending/patience.py",
        _ONCE,
        "            if True:\n                self._is_away = True\n",
        "times while the store",
        "postgresql",
    ),
    "departures": Guard(
        "a click that is answered and forgotten",
        "audience/leaving.py",
        "        members = subscribing.leave_each(connection, leaving)\n",
        "        members = set(leaving)\n",
        "were told that they have left, and have not",
    ),
    "repetitions": Guard(
        "a report that counts each time it comes",
        "feedback/ses/events.py",
        '        key=storable(f"{message_id} {type_name[:40]} {mark}"),\n',
        '        key=storable(f"{message_id} {type_name[:40]} {mark} {id(message)}"),\n',
        "are in the store twice",
    ),
}
