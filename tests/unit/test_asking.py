"""Asking at the terminal: what counts as an answer."""

import io
import signal
import sys
from collections.abc import Iterator
from typing import Any

import click
import pytest

from newsletter.cli.asking import ask


class Interrupted(io.RawIOBase):
    """A terminal at which Ctrl-C is pressed once, while something is being shown."""

    pressed = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if not self.pressed:
            self.pressed = True
            signal.raise_signal(signal.SIGINT)
        return len(memoryview(data))


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C means what it means in a program that was just started."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_while_the_question_is_being_shown_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = io.TextIOWrapper(io.BufferedWriter(Interrupted()), "utf-8", line_buffering=True)
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr(sys, "stdin", io.StringIO("3\n"))

    with pytest.raises(KeyboardInterrupt):
        ask("How many")


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("3\n", "3"), ("3\nnext\n", "3"), ("\n", ""), (" 3 \n", " 3 "), ("3", "3")],
)
def test_an_answer_is_one_line(monkeypatch: pytest.MonkeyPatch, typed: str, answer: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))

    assert ask("How many") == answer


def test_the_end_of_the_input_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))

    with pytest.raises(click.Abort):
        ask("How many")
