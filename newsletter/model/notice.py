"""Single mails that are no deliveries of a send."""

from enum import StrEnum


class Notice(StrEnum):
    """The values stand where a send's id stands otherwise: in tags, references and folders."""

    TEST = "test"
    CONFIRM = "confirm"
    WELCOME = "welcome"
