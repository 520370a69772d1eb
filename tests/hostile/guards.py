"""The guards that hold in hostile places, and how each is taken out to see the campaign fail.

A guard is a text of one file; the command is run with a copy of the program that has another in its
place. `seen` names the combination that must find it.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import newsletter

_PACKAGE = Path(newsletter.__file__).parent


@dataclass(frozen=True, slots=True)
class Guard:
    what: str
    file: str
    text: str
    mutated: str
    seen: str

    def take_out(self, folder: Path) -> None:
        """Make a copy of the program without it, in a folder that comes before all others."""
        shutil.copytree(
            _PACKAGE, folder / "newsletter", ignore=shutil.ignore_patterns("__pycache__")
        )
        shutil.copytree(_PACKAGE.parent / "templates", folder / "templates")
        path = folder / "newsletter" / self.file
        path.write_text(self.check().replace(self.text, self.mutated), "utf-8")

    def check(self) -> str:
        """The file's text, which must hold the guard once."""
        source = (_PACKAGE / self.file).read_text("utf-8")
        assert source.count(self.text) == 1, f"{self.file} has no such guard: {self.what}"
        return source


GUARDS = {
    "short-writes": Guard(
        "a write that took less than it was given is gone on with",
        "files/writing.py",
        "    while rest:\n        rest = rest[file.write(rest) :]\n",
        "    file.write(rest)\n",
        "send --list --yes --json · the disk of the outbox has 12 KB left",
    ),
    "no-leftovers": Guard(
        "what failed leaves no part of a file",
        "files/writing.py",
        "            if is_ours:\n                self._part.unlink(missing_ok=True)\n",
        "",
        "render --out · no file may be larger than 4 KB",
    ),
    "machine-at-fault": Guard(
        "a fault of the machine ends nobody's delivery",
        "transports/outbox.py",
        "if not mails or stopped.errno not in _OF_ONE_MESSAGE:",
        "if not mails:",
        "send --list --yes --json · the disk of the outbox has 90 KB left",
    ),
    "owner-only": Guard(
        "what holds people's data is its owner's only",
        "transports/outbox.py",
        "write_together([mail[1:] for mail in mails], private=True)",
        "write_together([mail[1:] for mail in mails])",
        "send --list --yes --json · umask is 000",
    ),
    "devices": Guard(
        "what is no regular file is written, and not replaced",
        "files/places.py",
        "    return last if stat.S_ISREG(mode) and _descriptor_of(last) is None else None\n",
        "    return last\n",
        "subscribers export --out · what is made is a device",
    ),
    "links": Guard(
        "a link is followed",
        "files/places.py",
        "        if _descriptor_of(path) is not None or not path.is_symlink():\n",
        "        if True:\n",
        "subscribers export --out · what is made is a link to a file elsewhere",
    ),
    "ignored-signals": Guard(
        "a signal that is ignored at the start stays ignored",
        "stopping.py",
        " if signal.getsignal(number) is not signal.SIG_IGN]",
        "]",
        "serve · under nohup, and its terminal is gone",
    ),
    "lost-notes": Guard(
        "standard error may go away",
        "cli/__init__.py",
        "        with suppress(OSError):\n            super().write(text)\n",
        "        super().write(text)\n",
        "subscribers import --list --rejects · standard error goes to a full disk",
    ),
    "named-output": Guard(
        "standard output that takes no more is named",
        "errors.py",
        "        error.filename = error.filename or place\n",
        "",
        "status --json · standard output goes to a full disk",
    ),
    "data-in-utf-8": Guard(
        "data on standard output is UTF-8",
        "audience/output.py",
        'file = _Borrowed(sys.stdout.buffer, encoding="utf-8", newline="")',
        'file = _Borrowed(sys.stdout.buffer, sys.stdout.encoding, "backslashreplace", "")',
        "subscribers export · streams are Latin-1",
    ),
    "read-only-stores": Guard(
        "a store that cannot be written can be read",
        "store/sqlite.py",
        "        for how in _ways_to_read(path):\n",
        "        for how in ():\n",
        "status --json · the project is mounted read-only",
    ),
    "pipes-in-place": Guard(
        "a pipe in the place of a file is not waited for",
        "files/places.py",
        "    handle = os.open(path, FOUND & ~_NO_LINKS)\n",
        "    handle = os.open(path, os.O_RDONLY)\n",
        "serve · subscribers/secret.key is a pipe",
    ),
    "checked-first": Guard(
        "where a send could not go on, nothing is planned",
        "sending/generation.py",
        "    if folder := in_the_way(file):\n",
        "    if folder := None:\n",
        "send by SES · the project is mounted read-only, and only the store lies elsewhere",
    ),
    "misspelt-settings": Guard(
        "a variable that is nearly a setting is refused",
        "config/__init__.py",
        "        if variable := _suggestion(name):\n",
        "        if variable := None:\n",
        "send --list --yes --json · a setting is misspelt",
    ),
    "lost-connections": Guard(
        "a connection to the store that is lost amid a send is waited for",
        "sending/patience.py",
        "if self._is_lost or is_over:",
        "if True:",
        "send --list --yes --json on PostgreSQL · the connection is lost as a batch is recorded, "
        "and its commit arrives",
    ),
    "passwords-in-urls": Guard(
        "no part of a password is taken for a host, and shown",
        "store/engine.py",
        '    if rest.partition("?")[0].count("@") > 1:\n',
        "    if False:\n",
        "status --json on PostgreSQL · the password in the URL has an @ that is not escaped",
    ),
    "clock-of-aws": Guard(
        "a signature that AWS refuses by the clock is explained by both clocks",
        "aws/faults.py",
        "if kind is FaultKind.CLOCK or _is_of_the_clock(error, code, text):",
        "if kind is FaultKind.CLOCK:",
        "suppressions sync · the clock says +6h, and AWS refuses its signatures",
    ),
    "memory": Guard(
        "a machine without memory is told as such",
        "cli/failures.py",
        "case error if not isinstance(error, OSError) and",
        "case NotImplementedError() if",
        "send --list --yes --json · at most 60 MB of memory may be had",
    ),
}
