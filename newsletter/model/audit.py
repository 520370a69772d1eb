"""What people did to sends, readers and the archive, and who: the audit log."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class DeedKind(StrEnum):
    """What somebody did."""

    SEND = "send"
    PAUSE = "pause"
    RESUME = "resume"
    RESCHEDULE = "reschedule"
    CANCEL = "cancel"
    RESOLVE = "resolve"
    SUPPRESS = "suppress"
    ALLOW = "allow"
    IMPORT = "import"
    UNDO = "undo"
    REMOVE = "remove"
    MOVE = "move"
    DELETE = "delete"
    FORGET = "forget"
    CORRECT = "correct"
    HIDE = "hide"
    SHOW = "show"
    ADOPT = "adopt"


@dataclass(frozen=True, slots=True)
class Deed:
    """One line of the audit log. `who` is a person as git or the system names them; `subject` is
    the id of a send, the slug of an issue, `subscriber <id>`, `import <id>` and the like, never an
    address; `id` is its row, 0 before it has one."""

    at: dt.datetime
    who: str
    kind: DeedKind
    subject: str
    detail: str = ""
    id: int = 0
