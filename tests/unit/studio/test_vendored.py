"""What is vendored says what it is made of, and is what its recipe names."""

import json
import re
from importlib.resources import files
from pathlib import Path

VENDOR = files("newsletter.studio").joinpath("static", "vendor")
RECIPE = Path(__file__).parents[3] / "vendor" / "codemirror"


def test_the_editor_is_made_of_the_locked_versions() -> None:
    head = VENDOR.joinpath("codemirror.js").read_text("utf-8").partition("*/")[0]
    parts = dict(re.findall(r"^ \* (\S+) (\S+), MIT$", head, re.MULTILINE))
    locked = json.loads((RECIPE / "package-lock.json").read_text("utf-8"))["packages"]

    assert "@codemirror/view" in parts
    assert parts == {name: locked[f"node_modules/{name}"]["version"] for name in parts}


def test_every_part_of_it_has_its_licence() -> None:
    head = VENDOR.joinpath("codemirror.js").read_text("utf-8").partition("*/")[0]
    licences = VENDOR.joinpath("codemirror.LICENSE.txt").read_text("utf-8")

    for name, version in re.findall(r"^ \* (\S+) (\S+), MIT$", head, re.MULTILINE):
        assert f"{name} {version}\n" in licences
    assert licences.count("Permission is hereby granted") == licences.count("\n---\n") + 1
