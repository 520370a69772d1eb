"""Asking at the terminal."""

import sys

import click

from newsletter.errors import Refused


def ask(question: str) -> str:
    """What is typed in answer. Raises click.Abort where there is no answer, as after Ctrl-D.

    Not click.prompt: `input()` below it drops a Ctrl-C that comes while it shows the question, and
    what is typed after that would count.
    """
    click.echo(f"{question}: ", nl=False, err=True)
    line = sys.stdin.readline()
    if not line:
        raise click.Abort
    return line.rstrip("\n")


def confirm(question: str, refusal: Refused) -> None:
    """Raise the refusal unless a person at a terminal types yes."""
    if not sys.stdin.isatty() or ask(f"{question} Type yes").strip().lower() != "yes":
        raise refusal
