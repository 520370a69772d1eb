"""Test mails of an issue, as `newsletter test` and the studio send them."""

from collections.abc import Sequence

from newsletter.desk.prepare import Prepared
from newsletter.desk.publishing import publish
from newsletter.errors import UsageError
from newsletter.model.address import Address
from newsletter.model.subscriber import Subscriber
from newsletter.notices.testing import Trial, send_tests
from newsletter.operations.who import account
from newsletter.project import Project
from newsletter.sending import preflight
from newsletter.sending.worker import Worker
from newsletter.store import Store
from newsletter.store.people import lists, people


def reader_of(store: Store, address: Address) -> Subscriber:
    """The subscriber of an address. Raises UsageError where there is none."""
    with store.read() as connection:
        reader = people.find(connection, address)
    if reader is None:
        raise UsageError(
            "nobody has subscribed with this address",
            where="--as",
            hint="See who has: newsletter subscribers list",
        )
    return reader


def list_of(store: Store, prepared: Prepared) -> str:
    """The list that an issue names, else the only one there is; empty where there are several."""
    if named := prepared.digest.meta.list:
        return named
    with store.read() as connection:
        return lists.only(connection)


def warnings(store: Store, prepared: Prepared) -> Sequence[str]:
    """What is odd about an issue's merge fields for the readers of its list."""
    return preflight.check_fields(store, prepared.email, list_of(store, prepared))


def try_out(
    worker: Worker,
    project: Project,
    prepared: Prepared,
    to: Sequence[Address],
    reader: Subscriber | None = None,
) -> tuple[Trial, ...]:
    """Publish the pictures of an issue and mail it to each address: see `send_tests`."""
    publish(prepared.pictures, project.settings, worker.store, worker.clock())
    return send_tests(
        worker,
        prepared.email,
        prepared.digest.slug,
        to,
        reader=reader,
        list_name=list_of(worker.store, prepared),
        web=project.settings.web,
        by=account(),
    )
