"""Every file is written by newsletter.files: nothing else opens one for writing or moves one."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import newsletter

ROOT = Path(newsletter.__file__).parent

# Where it is written otherwise, how, and why that is no file that a crash could leave half-made.
EXCEPTIONS = {
    ("cli/frame.py", "os.open"): "/dev/null, in place of what is still to be printed",
    ("desk/editors.py", "open"): "/dev/null, as the streams of an author's editor",
    ("desk/review/base.py", "os.link"): "a folder for temporary files",
    ("desk/review/base.py", "shutil.copyfile"): "as above",
    ("desk/review/base.py", "write_bytes"): "as above",
    ("desk/review/pictures.py", "write_text"): "the page of Chromium, in such a folder",
    ("desk/tools/accessibility.py", "write_text"): "as above",
    ("desk/tools/spam.py", "write_bytes"): "the mail that is judged, in such a folder",
    ("safekeeping/swapping.py", "os.link"): "a store gets a second name before it is replaced",
    ("safekeeping/swapping.py", "rename"): "as above, where there are no hard links",
}

_OF_MODULES = {
    "os": {
        "link",
        "mkfifo",
        "mknod",
        "open",
        "rename",
        "renames",
        "replace",
        "symlink",
        "truncate",
    },
    "shutil": {"copy", "copy2", "copyfile", "copytree", "move"},
}
_MAKERS = {"FileIO", "NamedTemporaryFile", "mkstemp", "mktemp"}
_METHODS = {"hardlink_to", "symlink_to", "touch", "write_bytes", "write_text"}
_WRITING = {"O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC"}


def ways_to_write(tree: ast.AST) -> Iterator[str]:
    """How a module writes files, or moves them, by itself."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="os"), attr="open")):
                if any(getattr(each, "attr", "") in _WRITING for each in ast.walk(node)):
                    yield "os.open"
            case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name)) if (
                name in _OF_MODULES.get(module, ())
            ):
                yield f"{module}.{name}"
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _MAKERS:
                yield name
            case ast.Call(
                func=ast.Name(id="open" | "fdopen") | ast.Attribute(attr="open" | "fdopen")
            ):
                if any(
                    map(_is_mode_of_writing, [*node.args, *(key.value for key in node.keywords)])
                ):
                    yield "open"
            case ast.Call(
                func=ast.Attribute(attr="rename" | "replace" as name), args=[_], keywords=[]
            ):
                yield name  # of a path: that of a text takes two
            case ast.Call(func=ast.Attribute(attr=name)) if name in _METHODS:
                yield name


def _is_mode_of_writing(argument: ast.expr) -> bool:
    match argument:
        case ast.Constant(value=str() as mode):
            return (
                0 < len(mode) <= 3 and set(mode) <= set("rwaxbt+") and bool(set(mode) & set("wax+"))
            )
        case _:
            return False


def test_every_file_is_written_by_one_package() -> None:
    ways = {
        (name, way)
        for path in ROOT.rglob("*.py")
        if not (name := path.relative_to(ROOT).as_posix()).startswith("files/")
        for way in ways_to_write(ast.parse(path.read_text("utf-8")))
    }

    assert ways == EXCEPTIONS.keys()


@pytest.mark.parametrize(
    "line",
    [
        "open(path, 'w')",
        "open(path, mode='ab')",
        "path.open('x')",
        "path.open('r+b')",
        "os.fdopen(handle, 'wb')",
        "os.open(path, os.O_WRONLY | flags)",
        "path.write_text('')",
        "path.write_bytes(b'')",
        "path.touch()",
        "path.replace(other)",
        "path.rename(other)",
        "os.replace(path, other)",
        "shutil.move(path, other)",
        "tempfile.mkstemp()",
        "NamedTemporaryFile()",
        "io.FileIO(path, 'w')",
    ],
)
def test_each_way_to_write_is_seen(line: str) -> None:
    assert list(ways_to_write(ast.parse(line)))


@pytest.mark.parametrize(
    "line",
    [
        "open(path)",
        "path.open('rb')",
        "os.open(path, os.O_RDONLY)",
        "text.replace('a', 'b')",
        "dataclasses.replace(record, a=1)",
        "time.replace(tzinfo=UTC)",
        "Image.open(content, formats=FORMATS)",
    ],
)
def test_what_only_reads_or_changes_a_text_is_no_way_to_write(line: str) -> None:
    assert not list(ways_to_write(ast.parse(line)))
