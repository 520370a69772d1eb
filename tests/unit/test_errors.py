"""The errors of the program: one tree, drawn once."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import newsletter
from newsletter import errors
from newsletter.errors import NewsletterError

PACKAGE = Path(newsletter.__file__).parent
# Only their kinds are raised.
ABSTRACT = {"NewsletterError"}
DRAWN = re.compile(r"    (?P<branch>[│├└─ ]*)(?P<name>\w+) +(?P<code>\d+)  (?P<what>.+)")


def all_errors() -> Mapping[str, type[NewsletterError]]:
    """Each error of the program by its name, wherever it is defined."""
    for module in pkgutil.walk_packages(newsletter.__path__, "newsletter."):
        if not module.name.endswith("__main__") and ".migrations" not in module.name:
            importlib.import_module(module.name)

    def below(error: type[NewsletterError]) -> Iterator[type[NewsletterError]]:
        yield error
        for kind in error.__subclasses__():
            if kind.__module__.startswith("newsletter."):
                yield from below(kind)

    return {error.__name__: error for error in below(NewsletterError)}


ERRORS = all_errors()


def test_the_drawn_tree_is_the_tree_of_the_classes() -> None:
    """Each error stands once in the drawing: below its base, with its exit code and its module."""
    drawn: dict[str, tuple[str, int, str]] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := DRAWN.fullmatch(line):
            path[len(match["branch"]) // 4 :] = [match["name"]]
            place = re.search(r"\(([a-z.]+)\)$", match["what"])
            base = path[-2] if len(path) > 1 else "Exception"
            drawn[match["name"]] = (base, int(match["code"]), place[1] if place else "errors")

    assert drawn == {
        name: (
            error.__bases__[0].__name__,
            error.exit_code,
            error.__module__.removeprefix("newsletter."),
        )
        for name, error in ERRORS.items()
    }


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_an_error_says_in_a_sentence_of_its_own_what_it_means(error: type[NewsletterError]) -> None:
    """Nobody has to guess from a name what a caller may conclude from it."""
    sentence = (error.__dict__.get("__doc__") or "").partition("\n\n")[0]

    assert sentence[:1].isupper()
    assert sentence.endswith(".")


def test_an_error_says_what_to_do_where_it_is_made_or_by_its_kind() -> None:
    public = {name: error for name, error in ERRORS.items() if error.__module__ == errors.__name__}
    silent = [
        f"{path.name}:{call.lineno}"
        for path in PACKAGE.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in public
        and not public[call.func.id].usual_hint
        and not any(keyword.arg in ("hint", None) for keyword in call.keywords)
    ]

    assert silent == []


def test_no_error_is_dead() -> None:
    """Each is made somewhere, or is what those that are made have in common."""
    assert set(ERRORS) - set(_used()) - ABSTRACT == set()


def _used() -> Iterator[str]:
    """The names that the code speaks of, but for what it is ready to catch."""
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        handlers = [node.type for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)]
        caught = {id(part) for each in handlers if each for part in ast.walk(each)}
        for node in ast.walk(tree):
            if id(node) not in caught and isinstance(node, ast.Name | ast.Attribute):
                yield node.id if isinstance(node, ast.Name) else node.attr


def test_exit_codes_are_those_that_are_documented() -> None:
    """0 done, 1 failed, 2 usage, 3 findings, 4 resumable, 5 refused, 130 interrupted."""
    assert {error.exit_code for error in ERRORS.values()} == {1, 2, 3, 4, 5, 130}
