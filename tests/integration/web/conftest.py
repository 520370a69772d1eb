from pathlib import Path

import pytest

from newsletter.store import Store
from tests.integration.web.stage import Stage, open_stage


@pytest.fixture
def stage(store: Store, tmp_path: Path) -> Stage:
    """The site on either database."""
    return open_stage(store, tmp_path)


@pytest.fixture
def sqlite_stage(sqlite_store: Store, tmp_path: Path) -> Stage:
    """The site on SQLite alone, where the database does not matter."""
    return open_stage(sqlite_store, tmp_path)
