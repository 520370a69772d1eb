"""Readers who click to leave, at a web site that is a process of its own."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import sqlalchemy as sa

from newsletter.links import Links, load_keys
from newsletter.model.subscriber import SubscriptionStatus
from newsletter.store import open_store
from newsletter.store.people import lists
from newsletter.store.schema import subscriptions
from tests.crash.stage import Stage
from tests.factories import link_of
from tests.waiting import PATIENCE_SECONDS, until


def leave_paths(stage: Stage, list_name: str) -> Mapping[int, str]:
    """The links of all readers, by number, once they have joined a list as well."""
    joined = stage.call("subscribers", "import", "readers.csv", "--list", list_name)
    assert joined.code == 0, joined.said
    links = Links("", load_keys(stage.project))
    with closing(open_store(stage.url, stage.project)) as store:
        return {
            reader: links.unsubscribe_url(link_of(store, reader, list_name))
            for reader in _of(stage, list_name, SubscriptionStatus.CONFIRMED)
        }


def have_left(stage: Stage, list_name: str) -> set[int]:
    return _of(stage, list_name, SubscriptionStatus.UNSUBSCRIBED)


def _of(stage: Stage, list_name: str, status: SubscriptionStatus) -> set[int]:
    with closing(open_store(stage.url, stage.project)) as store, store.read() as connection:
        query = sa.select(subscriptions.c.subscriber_id).where(
            subscriptions.c.list_id == lists.id_of(connection, list_name),
            subscriptions.c.status == status,
        )
        return set(connection.execute(query).scalars())


@contextmanager
def serving(stage: Stage) -> Iterator[str]:
    """The URL of `newsletter serve`, which has to end well and without a traceback."""
    site = stage.start("serve", "--port", "0")
    try:
        until(lambda: bool(site.json) or site.is_over)
        yield str(site.json["url"])
        site.process.send_signal(signal.SIGTERM)
        assert site.code == 0, site.said
        assert "Traceback" not in site.said
    finally:
        site.kill()


def click(url: str) -> int:
    """The status of the answer to one click."""
    request = Request(url, data=b"List-Unsubscribe=One-Click", method="POST")
    try:
        with urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code
