"""The Chromium of the tests, the same that the desk finds."""

import os
from pathlib import Path

import pytest

from newsletter.desk import chromium


def needed() -> Path:
    """A test that needs it is skipped without it, but fails in CI."""
    program = chromium.find()
    if program is None:
        assert os.environ.get("CI") != "true", "CI has to install chromium-headless-shell"
        pytest.skip("needs Chromium: apt-get install chromium-headless-shell")
    return program
