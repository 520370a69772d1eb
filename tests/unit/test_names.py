"""One word, one meaning: what the names of the program may be."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import newsletter

PACKAGE = Path(newsletter.__file__).parent


def public_types(path: Path) -> Iterator[str]:
    """The classes of a module, and its names for types, that others may see."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.ClassDef(name=name):
                pass
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                if not name[0].isupper() or name.isupper():
                    continue  # a constant, or no type
            case _:
                continue
        if not name.startswith("_"):
            yield name


def test_no_name_means_two_types() -> None:
    """Who reads `Report` somewhere knows which one it is."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for name in public_types(path):
            places[name].append(str(path.relative_to(PACKAGE)))

    assert {name: where for name, where in places.items() if len(where) > 1} == {}
