"""What the lock files install is what pyproject.toml allows."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
WANTED = [Requirement(text) for text in PROJECT["dependencies"]]
# What the program reaches into, so that a new minor version may break it.
INTERNALS = {"botocore", "premailer", "uvicorn"}


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_what_is_locked_is_what_is_wanted(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    locked = dict(re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;]+)", text, re.M))

    wrong = [
        str(wanted)
        for wanted in WANTED
        if not wanted.specifier.contains(locked.get(wanted.name, "0"), prereleases=True)
    ]

    assert wrong == []


def test_a_version_whose_inside_nobody_has_looked_at_is_not_installed() -> None:
    bounded = {
        wanted.name
        for wanted in WANTED
        if any(specifier.operator == "<" for specifier in wanted.specifier)
    }

    assert bounded >= INTERNALS
