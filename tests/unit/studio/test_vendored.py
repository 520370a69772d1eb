"""What is vendored says what it is made of, and is what its recipe names."""

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

VENDOR = files("newsletter.studio").joinpath("static", "vendor")
RECIPES = Path(__file__).parents[3] / "vendor"
PARTS = {"codemirror": "@codemirror/view", "uplot": "uplot"}


@pytest.mark.parametrize("name", PARTS)
def test_it_is_made_of_the_locked_versions(name: str) -> None:
    head = VENDOR.joinpath(f"{name}.js").read_text("utf-8").partition("*/")[0]
    parts = dict(re.findall(r"^ \* (\S+) (\S+), MIT$", head, re.MULTILINE))
    locked = json.loads((RECIPES / name / "package-lock.json").read_text("utf-8"))["packages"]

    assert PARTS[name] in parts
    assert parts == {part: locked[f"node_modules/{part}"]["version"] for part in parts}


@pytest.mark.parametrize("name", PARTS)
def test_every_part_of_it_has_its_licence(name: str) -> None:
    head = VENDOR.joinpath(f"{name}.js").read_text("utf-8").partition("*/")[0]
    licences = VENDOR.joinpath(f"{name}.LICENSE.txt").read_text("utf-8")

    for part, version in re.findall(r"^ \* (\S+) (\S+), MIT$", head, re.MULTILINE):
        assert f"{part} {version}\n" in licences
    assert licences.count("Permission is hereby granted") == licences.count("\n---\n") + 1
