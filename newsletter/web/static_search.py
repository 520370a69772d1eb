"""The search of a static site: a page, a script of ours, and lists of words as JSON.

A browser loads the list of all issues, and for each word of a query the part of the words that
begin with its first letter. A number of a list is the place of an issue, times 16, and how much the
word counts there. Where words stand is not kept: a run of Chinese letters is found by all of its
pairs.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.resources import files

from newsletter.languages import direction
from newsletter.model.listing import tag_key
from newsletter.web.issues import Archive
from newsletter.web.published import Issue
from newsletter.web.search import Results
from newsletter.web.search_words import terms
from newsletter.web.searchable import fields_of
from newsletter.web.site import Site

SCRIPT_PATH = "static/search.js"
FOLDER = "archive/search"
_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; "
    "img-src 'self' https:; form-action 'self'; base-uri 'none'"
)
_PARTS = 64  # the script knows it, and the 16
_MOST_OF_TEXT = 3

_Parts = dict[int, dict[str, list[int]]]


def contents(site: Site, archive: Archive) -> Iterator[tuple[str, bytes]]:
    """Each file of the search; the archive is up to date."""
    issues = archive.issues[::-1]  # places stay as they are when another one is sent
    yield SCRIPT_PATH, (files("newsletter.web") / SCRIPT_PATH).read_bytes()
    yield f"{FOLDER}/index.html", _page(site)
    dated = partial(archive.pages.date, language=site.texts["language"])
    yield (
        f"{FOLDER}/issues.json",
        _json({"issues": [_entry(issue, dated(issue.published)) for issue in issues]}),
    )
    for part, words in _words(site, archive, issues).items():
        yield f"{FOLDER}/words/{part}.json", _json(words)


def _page(site: Site) -> bytes:
    return site.pages.html(
        "archive_search.html",
        base="../..",
        query="",
        results=Results(),
        is_busy=False,
        is_static=True,
        policy=_POLICY,
    ).encode()


def _entry(issue: Issue, date: str) -> dict[str, object]:
    return {
        "slug": issue.slug,
        "title": issue.title,
        "summary": issue.preheader,
        "day": str(issue.published.date()),
        "date": date,
        "language": issue.language,
        "dir": direction(issue.language),
        "tags": [(tag, tag_key(tag)) for tag in issue.tags],
    }


def _words(
    site: Site, archive: Archive, issues: Sequence[Issue]
) -> dict[int, dict[str, list[int]]]:
    """All words, with the issues that have each of them, in parts."""
    parts: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for place, issue in enumerate(issues):
        fields = fields_of(archive.published, site.settings.newsletter, issue)
        weights = Counter(terms(fields.body))
        for term, times in weights.items():
            weights[term] = min(times, _MOST_OF_TEXT)
        for text, weight in ((fields.title, 6), (fields.tags, 4), (fields.summary, 2)):
            weights.update(dict.fromkeys(terms(text), weight))
        for term, weight in weights.items():
            parts[ord(term[0]) % _PARTS][term].append(place * 16 + weight)
    return parts


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
