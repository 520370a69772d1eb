"""Whether a worker and a store fit together."""

from newsletter.errors import ConfigurationError, StoreError
from newsletter.store import Store, jobs

_EXTRA = "'newsletter-press[cluster]'"
_UPGRADE = "newsletter db upgrade"


def check(store: Store) -> None:
    """Raises ConfigurationError where Procrastinate is not installed, and StoreError where the
    store has no tables for its jobs, or those of another version."""
    if not jobs.is_installed():
        raise ConfigurationError(
            "workers on PostgreSQL need the extra `cluster`, which is not installed",
            hint=f"Run: python -m pip install {_EXTRA}, then: {_UPGRADE}",
        )
    with store.read() as connection:
        version = jobs.schema(connection)
    installed = jobs.installed_schema()
    if version is None:
        raise StoreError(
            "the store has no tables for the jobs that wake workers", hint=f"Run: {_UPGRADE}"
        )
    if version < installed:
        raise StoreError(
            f"the store's jobs have schema {jobs.told(version)}, this Procrastinate needs "
            f"{jobs.told(installed)}",
            hint=f"Stop the workers, then run: {_UPGRADE}",
        )
    if version > installed:
        raise StoreError(
            f"the store's jobs have schema {jobs.told(version)}, newer than the "
            f"{jobs.told(installed)} of this Procrastinate",
            hint=f"Run: python -m pip install --upgrade {_EXTRA}",
        )
