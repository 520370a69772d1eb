"""PgBouncer between processes and PostgreSQL: each transaction gets another connection."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.server import DATABASE, PASSWORD, USER, Server, free_port
from tests.waiting import PATIENCE_SECONDS, until

_SETTINGS = """
[databases]
* = host=127.0.0.1 port={server_port} user={user} password='{password}'

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 500
"""


@contextmanager
def pooled(server: Server, connections: int) -> Iterator[str]:
    """The URL of the server's store by way of a pooler that has so few connections to it.

    Skips the test where there is no PgBouncer; in CI it has to be there.
    """
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH')}:/usr/sbin")
    if program is None:
        assert os.environ.get("CI") != "true", "CI must have pgbouncer"
        pytest.skip("needs Debian's pgbouncer")
    as_somebody = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="newsletter-pooler-") as folder:
        settings, log = Path(folder) / "pgbouncer.ini", Path(folder) / "log"
        settings.write_text(
            _SETTINGS.format(
                server_port=server.port,
                user=USER,
                password=PASSWORD,
                port=port,
                connections=connections,
            )
        )
        Path(folder).chmod(0o755)
        with log.open("wb") as said:
            process = subprocess.Popen(
                [*(as_somebody if os.getuid() == 0 else ()), program, str(settings)],
                stdout=said,
                stderr=said,
            )
        try:
            until(lambda: b"process up" in log.read_bytes() or process.poll() is not None)
            assert process.poll() is None, log.read_text()
            yield f"postgresql://{USER}@127.0.0.1:{port}/{DATABASE}"
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)
