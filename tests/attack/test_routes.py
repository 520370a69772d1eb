"""Every route of the public site against every kind of token: the table is made from the router.

A route that is new and not in the table fails the first test here.
"""

import random
import string
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from starlette.routing import Route

from newsletter.links import Links, PersonalLink, Purpose
from newsletter.store import Store
from newsletter.store.schema import requests
from tests.integration.web.stage import BASE_URL, KEYS, Stage, open_stage
from tests.share import count

# What each route reads out of its path: a purpose, or nothing that says who somebody is.
TOKEN_ROUTES = {
    "/u/{token}": Purpose.UNSUBSCRIBE,
    "/preferences/{token}": Purpose.PREFERENCES,
    "/confirm/{token}": Purpose.CONFIRM,
}
ALSO_CONFIRMED = {Purpose.PERSONAL, Purpose.UNDO}  # by requests of other kinds
OPEN_ROUTES = {
    "/static/style.css",
    "/subscribe/{list_name}",
    "/",
    "/robots.txt",
    "/archive",
    "/archive/",
    "/archive/page/{number}/",
    "/archive/search",
    "/archive/{slug}",
    "/archive/{slug}/",
    "/archive/{slug}/original/",
    "/archive/tags/{tag}/",
    "/archive/tags/{tag}/page/{number}/",
    "/feed.xml",
    "/feed.json",
    "/media/{name}",
    "/healthz",
    "/metrics",
    "/hooks/sns",
}
BODIES = {
    "/u/{token}": {"List-Unsubscribe": "One-Click"},
    "/preferences/{token}": {"action": "leave", "list": "daily"},
    "/confirm/{token}": {"action": "confirm"},
}
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
FOREIGN = Links(BASE_URL, ("another-site-of-ours",))


@pytest.fixture
def stage(sqlite_store: Store, tmp_path: Path) -> Stage:
    """With one request that waits for its yes."""
    stage = open_stage(sqlite_store, tmp_path)
    stage.subscribe("new@example.com")
    stage.mails()
    return stage


def made(links: Links, stage: Stage, purpose: Purpose) -> str:
    """A token of a purpose: of ada, or of the request that waits."""
    url = {
        Purpose.UNSUBSCRIBE: links.unsubscribe_url(stage.link(stage.ada, stage.daily)),
        Purpose.PREFERENCES: links.preferences_url(stage.link(stage.ada, stage.daily)),
        Purpose.CONFIRM: links.confirm_url(Purpose.CONFIRM, _request_id(stage), stage.daily),
        Purpose.PERSONAL: links.confirm_url(Purpose.PERSONAL, _request_id(stage), 0),
        Purpose.UNDO: links.confirm_url(Purpose.UNDO, _request_id(stage), 0),
        Purpose.FORM: links.form_token(stage.ada, stage.daily, 1),
    }[purpose]
    return url.rpartition("/")[2]


def _request_id(stage: Stage) -> int:
    with stage.store.read() as connection:
        return int(connection.execute(sa.select(requests.c.id)).scalar_one())


def mutated(token: str, chance: random.Random) -> str:
    """A token with a letter changed, lost, doubled or moved."""
    at = chance.randrange(len(token))
    letter = chance.choice(string.ascii_letters + string.digits + "-_.=%/ ~")
    return chance.choice(
        [
            token[:at] + letter + token[at + 1 :],
            token[:at] + token[at + 1 :],
            token[:at] + letter + token[at:],
            token[:at] + token[at:][::-1],
            token[at:] + token[:at],
            token + letter,
            token[: at + 1],
        ]
    )


def bad_tokens(stage: Stage, purpose: Purpose) -> dict[str, str]:
    good = made(stage.links, stage, purpose)
    payload, _, signature = good.partition(".")
    form = made(stage.links, stage, Purpose.FORM)
    others = {
        f"for {other.name}": made(stage.links, stage, other)
        for other in Purpose
        if other != purpose and not (purpose is Purpose.CONFIRM and other in ALSO_CONFIRMED)
    }
    return {
        "none": "-",
        "foreign key": made(FOREIGN, stage, purpose),
        "signature of another": f"{payload}.{made(FOREIGN, stage, purpose).partition('.')[2]}",
        "payload of another": f"{form.partition('.')[0]}x.{signature}",
        "no signature": f"{payload}.",
        "mutated": good[:-2] + ("AA" if good[-2:] != "AA" else "BB"),
        "padded": f"{good}=",
        **others,
    }


def test_every_route_of_the_router_is_in_the_table(stage: Stage) -> None:
    found = {route.path for route in stage.app.routes if isinstance(route, Route)}

    assert found == set(TOKEN_ROUTES) | OPEN_ROUTES
    assert set(BODIES) == set(TOKEN_ROUTES)


@pytest.mark.parametrize("path", TOKEN_ROUTES)
def test_no_method_of_a_route_takes_a_bad_token(stage: Stage, path: str) -> None:
    """All kinds of bad get one answer, and the store stays as it is."""
    before = stage.rows()
    tokens = bad_tokens(stage, TOKEN_ROUTES[path]).values()

    for method in METHODS:
        answers = set()
        for token in tokens:
            where = path.replace("{token}", token)
            answer = stage.client.request(method, where, data=BODIES[path])
            answers.add((answer.status_code, answer.content))

        assert len(answers) == 1, method
        assert next(iter(answers))[0] == (404 if method in ("GET", "HEAD", "POST") else 405)
        assert stage.rows() == before, method


@pytest.mark.parametrize("path", TOKEN_ROUTES)
@pytest.mark.parametrize("method", METHODS)
def test_only_post_changes_anything_with_a_good_token(stage: Stage, path: str, method: str) -> None:
    """And so the table above is no list of routes that refuse everything."""
    before = stage.rows()
    token = made(stage.links, stage, TOKEN_ROUTES[path])

    answer = stage.client.request(method, path.replace("{token}", token), data=BODIES[path])

    assert answer.status_code == (200 if method in ("GET", "HEAD", "POST") else 405)
    assert (stage.rows() != before) == (method == "POST")


@pytest.mark.parametrize(
    ("path", "changes"),
    [("/u/{token}", True), ("/preferences/{token}", True), ("/confirm/{token}", False)],
)
def test_only_confirmations_expire(stage: Stage, path: str, changes: bool) -> None:
    before = stage.rows()
    token = made(stage.links, stage, TOKEN_ROUTES[path])
    stage.clock.forward(10 * 365 * 24 * 3600)

    answer = stage.client.post(path.replace("{token}", token), data=BODIES[path])

    assert answer.status_code == (200 if changes else 410)
    assert (stage.rows() != before) == changes


@pytest.mark.parametrize("path", sorted(OPEN_ROUTES | set(TOKEN_ROUTES)))
def test_no_route_leads_where_a_request_says(stage: Stage, path: str) -> None:
    """There is no redirect to a URL of anybody's, and no page takes one up."""
    evil = "//evil.example/"
    hostile = dict.fromkeys(("url", "next", "to", "u", "redirect", "return", "continue"), evil)
    token = made(stage.links, stage, TOKEN_ROUTES.get(path, Purpose.UNSUBSCRIBE))
    where = path.replace("{token}", token).replace("{list_name}", "daily")
    headers = {
        "Host": "evil.example",
        "Referer": f"https:{evil}",
        "X-Forwarded-Host": "evil.example",
    }

    answers = [
        stage.client.get(where, params=hostile, headers=headers),
        stage.client.get(f"{where}?{evil}", headers=headers),
        stage.client.post(where, data={**BODIES.get(path, {}), **hostile}, headers=headers),
    ]

    for answer in answers:
        assert "evil.example" not in answer.text
        assert "evil.example" not in answer.headers.get("Location", "")
        assert not answer.headers.get("Location", "").startswith(("/", "http"))


@pytest.mark.parametrize("path", sorted(OPEN_ROUTES))
def test_no_route_without_a_token_changes_anything(stage: Stage, path: str) -> None:
    before = stage.rows()
    where = (
        path.format(list_name="daily", slug="news", number="1", name="x", tag="tools")
        if "{" in path
        else path
    )

    for method in METHODS:
        answer = stage.client.request(method, where, data={"email": "x@example.com"})

        assert answer.status_code < 500, method
        assert "set-cookie" not in answer.headers, method
        assert stage.rows() == before, method


@pytest.mark.parametrize("purpose", Purpose)
def test_no_mutated_token_is_accepted(purpose: Purpose) -> None:
    """25,000 of each purpose in `make attack`; only the very text that was made counts."""
    links = Links(BASE_URL, KEYS)
    chance = random.Random(f"mutations of {purpose}")
    accepted = []

    for _ in range(count(25_000)):
        good = random_token(links, purpose, chance)
        assert is_read(links, purpose, good)
        bad = mutated(good, chance)
        if bad != good and is_read(links, purpose, bad):
            accepted.append((good, bad))

    assert accepted == []


def random_token(links: Links, purpose: Purpose, chance: random.Random) -> str:
    first, second = chance.randrange(10**6), chance.randrange(100)
    link = PersonalLink(first, second, chance.getrandbits(47), "20260107-ab12cd", second)
    url = {
        Purpose.UNSUBSCRIBE: partial(links.unsubscribe_url, link),
        Purpose.PREFERENCES: partial(links.preferences_url, link),
        Purpose.FORM: partial(links.form_token, first, second, chance.getrandbits(62)),
    }.get(purpose, partial(links.confirm_url, purpose, first, second))()
    return url.rpartition("/")[2]


def is_read(links: Links, purpose: Purpose, token: str) -> bool:
    is_personal = purpose in (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES)
    read = links.read_personal if is_personal else links.read_numbers
    return read(purpose, token) is not None
