"""Single mails that belong to no send."""

from enum import StrEnum


class Notice(StrEnum):
    """The values take the place of a send's id in tags, references and folders."""

    TEST = "test"
    CONFIRM = "confirm"
    WELCOME = "welcome"
    REPORT = "report"
