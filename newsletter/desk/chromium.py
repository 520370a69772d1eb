"""Chromium without a window and without a network: which one is installed, and how it is called."""

import os
import shutil
from pathlib import Path

# The shell is the same engine without the rest of a browser: it takes a third of the time.
PROGRAMS = (
    *("chromium-headless-shell", "chrome-headless-shell", "chromium", "chromium-browser"),
    *("google-chrome", "google-chrome-stable", "chrome"),
)
_OPTIONS = (
    *("--headless", "--disable-gpu", "--disable-quic", "--disable-background-networking"),
    *("--disable-component-update", "--disable-extensions", "--disable-sync", "--no-first-run"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


def find() -> Path | None:
    return next((Path(path) for name in PROGRAMS if (path := shutil.which(name))), None)


def command(chromium: Path, folder: Path, page: Path, *options: str) -> list[str]:
    """The command that opens a page; what Chromium writes for itself is put into `folder`."""
    return [
        str(chromium),
        *_OPTIONS,
        *(["--no-sandbox"] if _is_root() else []),  # it has none for root
        f"--user-data-dir={folder / 'profile'}",
        *options,
        page.as_uri(),
    ]


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
