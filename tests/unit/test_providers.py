"""What is known of one provider stands in its own folders; all else speaks of providers."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import newsletter
from newsletter.config import EventSettings, TransportSettings
from newsletter.config.tables import keys, read_table
from newsletter.feedback.base import Incoming, incoming
from newsletter.feedback.sources import source_of
from newsletter.model.event import NoEvent
from newsletter.transports import Kind, kind_of

ROOT = Path(newsletter.__file__).parent
NAMES = re.compile(r"\b(SES|SNS|SQS|AWS|Amazon|ses|sns|sqs|smtp)\b")
# Where a provider may be named: its own folders and files, and what chooses one.
OWN = (
    "aws/",
    "feedback/ses/",
    "provision/ses/",
    "transports/ses/",
    "transports/smtp.py",
    "cli/provision.py",  # `setup ses` likewise
    "cli/resolving.py",  # --ask-ses is what people are to type
    "doctor/ses/",
    "doctor/smtp.py",
    "config/__init__.py",
    "config/settings.py",
    "scaffold/__init__.py",  # the settings of a new project
    "store/schema/reported.py",  # who reported all events of older stores
    "store/migrations/",
)


def texts(tree: ast.Module, *, with_docstrings: bool) -> Iterator[tuple[int, str]]:
    """What a module may say or compare; docstrings of commands are their help."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if with_docstrings or id(node) not in docstrings:
            yield node.lineno, node.value


def attributes(tree: ast.Module) -> Iterator[tuple[int, str]]:
    return ((node.lineno, node.attr) for node in ast.walk(tree) if isinstance(node, ast.Attribute))


def test_no_text_and_no_branch_elsewhere_names_a_provider() -> None:
    named = []
    for path in sorted(ROOT.rglob("*.py")):
        file = path.relative_to(ROOT).as_posix()
        if not file.startswith(OWN):
            tree = ast.parse(path.read_text("utf-8"))
            said = [*texts(tree, with_docstrings=file.startswith("cli/")), *attributes(tree)]
            named += [(file, line, text) for line, text in said if NAMES.search(text)]

    assert named == []


@pytest.mark.parametrize("kind", get_args(keys(TransportSettings)["kind"].type))
def test_each_transport_of_the_settings_has_its_module_and_its_settings(kind: str) -> None:
    settings = read_table(TransportSettings, {"kind": kind})

    assert isinstance(kind_of(settings), Kind)
    assert hasattr(settings, kind)


@pytest.mark.parametrize("kind", get_args(keys(EventSettings)["kind"].type))
@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"event": 1}', "\0", "{" * 10_000])
def test_each_source_of_events_reads_whatever_comes(kind: str, text: str) -> None:
    source = source_of(read_table(EventSettings, {"kind": kind}))

    assert isinstance(source.parse(text), NoEvent)


def test_a_message_at_which_a_parser_fails_is_set_aside() -> None:
    def parse(text: str) -> NoEvent:
        raise KeyError(text)

    [message] = incoming(parse, [("line 1", "x")])

    assert message == Incoming(
        "line 1", "x", NoEvent("it cannot be read: KeyError", harmless=False)
    )
