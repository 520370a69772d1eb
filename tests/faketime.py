"""Processes whose clock is wrong, by libfaketime."""

import os
from pathlib import Path

import pytest

_FAKED = Path(__file__).parent / "faked"
NEEDED = "needs libfaketime: apt-get install faketime"


def found() -> Path | None:
    """The library, where it is installed."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


def wrong_clock(
    library: Path, clock: str | Path, *, look_seconds: int = 0, python_path: str = ""
) -> dict[str, str]:
    """The environment of a process whose clock says so (`+1h`), or what a file says, which is
    looked at each time or once in so many seconds; what measures time is not wrong. `python_path`
    is what PYTHONPATH is to hold beside."""
    if isinstance(clock, Path):
        looks = {"FAKETIME_CACHE_DURATION": str(look_seconds)}
        says = {
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            **(looks if look_seconds else {"FAKETIME_NO_CACHE": "1"}),
        }
    else:
        says = {"FAKETIME": clock}
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        # Else threads of Python wait for each other by spinning, a hundred times as long.
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(_FAKED), python_path))),
        **says,
    }


def found_or_skipped() -> Path:
    """The library; a test without it is skipped, but fails in CI, where it must be there."""
    library = found()
    if library is None:
        assert os.environ.get("CI") != "true", "CI has to install faketime"
        pytest.skip(NEEDED)
    return library
