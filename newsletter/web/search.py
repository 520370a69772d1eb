"""`/archive/search`: all issues by the words in them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from urllib.parse import quote

from fastapi import Request, Response

from newsletter.audience.joining import Origin
from newsletter.model.listing import tag_key
from newsletter.web.forms import origin
from newsletter.web.issues import Archive
from newsletter.web.published import Issue
from newsletter.web.search_index import SearchIndex
from newsletter.web.search_words import LONGEST_QUERY, SnippetPiece, Wanted, excerpt, marked, wanted
from newsletter.web.searchable import SearchFields, fields_of
from newsletter.web.site import Site

A_PAGE = 10
A_MINUTE = 30  # searches of one network
_CACHED = "public, max-age=60"


@dataclass(frozen=True, slots=True)
class Hit:
    """An issue that was found, its title and the part of its text around what was searched for."""

    issue: Issue
    date: str
    title: list[SnippetPiece]
    text: list[SnippetPiece]
    tags: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Results:
    """A page of what was found."""

    count: int = 0
    pages: int = 1
    number: int = 1
    hits: Sequence[Hit] = ()


def searching(site: Site, archive: Archive) -> Callable[[Request], Awaitable[Response]]:
    """What answers a search."""
    search, visits = _Search(site, archive), _Visits()

    async def page(request: Request) -> Response:
        query = _printable(request.query_params.get("q", ""))
        words = wanted(query)
        results, is_busy = Results(), False
        if words:
            came_from = origin(request, site.settings.web.trusted_proxies)
            is_busy = not visits.may_search(came_from, site.clock().timestamp())
        if words and not is_busy:
            number = _number(request.query_params.get("page", ""))
            loop = asyncio.get_running_loop()
            results = await loop.run_in_executor(site.dear, search.find, words, number)
        response = site.pages.page(
            "archive_search.html",
            status=429 if is_busy else 200,
            query=query,
            quoted=quote(query, safe=""),
            results=results,
            is_busy=is_busy,
            is_static=False,
        )
        name, value = ("Retry-After", "60") if is_busy else ("Cache-Control", _CACHED)
        response.headers[name] = value
        return response

    return page


class _Search:
    """Finds issues of an archive, whose words are read at the first search."""

    def __init__(self, site: Site, archive: Archive) -> None:
        self._site = site
        self._archive = archive
        self._index: SearchIndex | None = None
        self._body = lru_cache(maxsize=64)(lambda issue: self._fields(issue).body)

    def find(self, words: tuple[Wanted, ...], number: int) -> Results:
        """A page of the issues that have all of some words, the best first."""
        self._archive.refresh()
        issues = {issue.version: issue for issue in self._archive.issues}
        index = self._index = self._index or SearchIndex()
        for version, issue in reversed(issues.items()):
            index.add(version, partial(self._fields, issue))
        found = index.find(words, issues)
        pages = max(1, -(-len(found) // A_PAGE))
        number = min(number, pages)
        shown = found[(number - 1) * A_PAGE : number * A_PAGE]
        hits = [self._hit(issues[version], words) for version in shown]
        return Results(len(found), pages, number, hits)

    def _fields(self, issue: Issue) -> SearchFields:
        return fields_of(self._archive.published, self._site.settings.newsletter, issue)

    def _hit(self, issue: Issue, words: Sequence[Wanted]) -> Hit:
        return Hit(
            issue,
            self._archive.pages.date(issue.published, self._site.texts["language"]),
            marked(issue.title, words),
            marked(excerpt(self._body(issue), words) or issue.preheader, words),
            [(tag, tag_key(tag)) for tag in issue.tags],
        )


class _Visits:
    """How often each network searched in this minute, and each wide one, which has four times as
    many; all of it is forgotten with the minute."""

    def __init__(self) -> None:
        self._minute = 0
        self._counts: Counter[str] = Counter()

    def may_search(self, came_from: Origin, seconds: float) -> bool:
        minute = int(seconds // 60)
        if minute != self._minute:
            self._minute, self._counts = minute, Counter()
        network, wide = came_from.network, f"wide {came_from.wide_network}"
        self._counts.update((network, wide))
        return self._counts[network] <= A_MINUTE and self._counts[wide] <= 4 * A_MINUTE


def _printable(text: str) -> str:
    """What was typed, on one line, without what a page or a reader would stumble over."""
    line = " ".join(text[: LONGEST_QUERY * 4].split())
    return "".join(sign for sign in line if sign.isprintable())[:LONGEST_QUERY]


def _number(text: str) -> int:
    return (
        int(text) if text.isascii() and text.isdecimal() and 0 < len(text) < 6 and int(text) else 1
    )
