"""What fits in a head: modules of 350 lines, functions of 60, those of commands of 40."""

import ast
from collections.abc import Iterator
from pathlib import Path

import newsletter

ROOT = Path(newsletter.__file__).parent
MODULES = [path for path in sorted(ROOT.rglob("*.py")) if "migrations" not in path.parts]
MODULE_LINES, FUNCTION_LINES, COMMAND_LINES = 350, 60, 40
REASON = "# long: "  # on the line of its `def`, with why it is one function all the same


def functions_too_long(path: Path) -> Iterator[str]:
    lines = path.read_text("utf-8").splitlines()
    most = COMMAND_LINES if path.parent.name == "cli" else FUNCTION_LINES
    for node in ast.walk(ast.parse("\n".join(lines))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        assert node.end_lineno is not None
        if node.end_lineno - node.lineno >= most and REASON not in lines[node.lineno - 1]:
            yield f"{path.relative_to(ROOT)}: {node.name}"


def test_no_module_is_longer_than_fits_in_a_head() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in MODULES
        if (lines := len(path.read_text("utf-8").splitlines())) > MODULE_LINES
    }

    assert long == {}


def test_no_function_is_longer_than_a_screen_without_a_reason() -> None:
    assert [name for path in MODULES for name in functions_too_long(path)] == []
