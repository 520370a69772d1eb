"""No text of botocore, urllib3 or a database's driver gets out but through the mask.

Read from the sources: wherever one of their errors is caught, its text may only be an argument of a
function that masks it.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import newsletter

SOURCES = Path(newsletter.__file__).parent
# As `except` names their errors.
FOREIGN = (
    "boto.",
    "BotoCoreError",
    "ClientError",
    "ERRORS",
    "DBAPIError",
    "SQLAlchemyError",
    "dbapi.Error",
    "psycopg",
    "OperationalError",
    "HTTPError",
    "urllib3",
)
MASKING = {"masked", "line_of", "_text_of", "_first_line"}
TEXTS = {"orig", "args", "kwargs"}


def texts_shown(handler: ast.ExceptHandler) -> Iterator[ast.expr]:
    """Where the text of a caught error is taken without the mask."""

    def walk(node: ast.AST) -> Iterator[ast.expr]:
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in MASKING:
                return
            if name in ("str", "repr", "format") and any(map(is_text, node.args)):
                yield node
        if isinstance(node, ast.FormattedValue) and is_text(node.value):
            yield node.value
        for child in ast.iter_child_nodes(node):
            yield from walk(child)

    def is_text(node: ast.AST) -> bool:
        if isinstance(node, ast.Attribute) and node.attr in TEXTS:
            node = node.value
        return isinstance(node, ast.Name) and node.id == handler.name

    for statement in handler.body:
        yield from walk(statement)


def handlers(source: str) -> Iterator[ast.ExceptHandler]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler) and node.type and node.name:
            caught = ast.unparse(node.type)
            if any(name in caught for name in FOREIGN):
                yield node


def test_what_is_caught_of_them_is_shown_through_the_mask() -> None:
    looked_at, shown = 0, []
    for path in sorted(SOURCES.rglob("*.py")):
        for handler in handlers(path.read_text("utf-8")):
            looked_at += 1
            shown += [f"{path.relative_to(SOURCES)}:{node.lineno}" for node in texts_shown(handler)]

    assert shown == []
    assert looked_at > 10


def test_an_unmasked_text_is_found() -> None:
    source = """
try:
    call()
except sa.exc.DBAPIError as error:
    raise Ours(f"no: {error.orig}", hint=masked(str(error)))
except HTTPError as error:
    log(str(error))
except OSError as error:
    log(str(error))
"""

    found = [node.lineno for each in handlers(source) for node in texts_shown(each)]

    assert found == [5, 7]
