"""The tables of states in docs/architecture.md, and who writes a table of the store."""

import ast
import re
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import newsletter
from newsletter.store.transition import Transition

_DOCS = Path(__file__).parents[2] / "docs" / "architecture.md"
_ROW = re.compile(r"^\| (\w+) \| ([\w, ]+) \| (\w+) \|", re.MULTILINE)
_CODE = Path(newsletter.__file__).parent
Status = TypeVar("Status", bound=StrEnum)


def drawn(module: ModuleType, statuses: type[Status]) -> dict[str, Transition[Status]]:
    """The table that follows the name of a module in the documentation."""
    path = Path(str(module.__file__)).relative_to(_CODE.parent).as_posix()
    _, _, text = _DOCS.read_text("utf-8").partition(f"`{path}`")
    _, _, table = text.partition("\n| transition |")
    rows, _, _ = table.partition("\n\n")

    def status(word: str) -> Status | None:
        return None if word == "nothing" else statuses(word)

    return {
        name: Transition(frozenset(map(status, sources.split(", "))), status(target))
        for name, sources, target in _ROW.findall(rows)
    }


def written(module: ModuleType) -> dict[str, Transition[StrEnum]]:
    """The transitions that a module declares."""
    values = vars(module).items()
    return {name.lower(): value for name, value in values if isinstance(value, Transition)}


@cache
def _nodes() -> dict[str, list[ast.AST]]:
    """All that is written in each file, but for migrations."""
    return {
        path.relative_to(_CODE).as_posix(): list(ast.walk(ast.parse(path.read_text("utf-8"))))
        for path in _CODE.rglob("*.py")
        if "migrations" not in path.parts
    }


@cache
def _text(node: ast.AST) -> str:
    return ast.unparse(node)


def writers(table: str, column: str) -> set[str]:
    """The files, but for migrations, that make or delete rows of a table, or change a column of
    it: by SQLAlchemy or by SQL as text."""
    sql = re.compile(rf"(INSERT INTO|DELETE FROM) {table}\b|UPDATE {table} SET [^;]*\b{column} =")
    return {
        name
        for name, nodes in _nodes().items()
        if any(_writes(node, table, column, sql) for node in nodes)
    }


def literals(function: str, place: int) -> set[str]:
    """The texts that are written as an argument where a function is called."""
    return {
        _text(node.args[place])
        for nodes in _nodes().values()
        for node in nodes
        if isinstance(node, ast.Call)
        and len(node.args) > place
        and isinstance(node.args[place], ast.Constant)
        and _text(node.func) == function
    }


def _writes(node: ast.AST, table: str, column: str, sql: re.Pattern[str]) -> bool:
    match node:
        case ast.Constant(value=str(text)):
            return bool(sql.search(text))
        case ast.Call(func=function, args=[*_, ast.Name(id=name)]) if name == table:
            return _text(function).rpartition(".")[2] in ("insert", "insert_into", "delete")
        case ast.For(target=target, iter=ast.Tuple(elts=tables)):
            is_one = table in map(_text, tables)
            return is_one and f"delete({_text(target)})" in _text(node)
        case ast.Expr() | ast.Assign() | ast.Return():
            text = _text(node)
            return f"update({table})" in text and (column in text or ".values(" not in text)
        case _:
            return False
