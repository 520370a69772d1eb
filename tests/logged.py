"""What was logged, as it is before anything in it is masked."""

import logging
from collections.abc import Mapping

import pytest


def line(record: logging.LogRecord) -> str:
    """The action of a record and what it is about: `take send=20260107-abcdef worker=…`."""
    about = record.args if isinstance(record.args, Mapping) else {}
    return " ".join((record.getMessage(), *(f"{name}={value}" for name, value in about.items())))


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What ours has logged."""
    return [line(each) for each in caplog.records if each.name.startswith("newsletter")]
