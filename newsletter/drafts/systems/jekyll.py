"""Jekyll: `_posts/2026-01-07-title.md` with YAML, kramdown and Liquid.

https://jekyllrb.com/docs/posts/, https://jekyllrb.com/docs/liquid/tags/,
https://jekyllrb.com/docs/permalinks/
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import yaml

from newsletter.drafts.archives import ForeignArchive
from newsletter.drafts.posts import Change, ChangeKind, ForeignPost
from newsletter.drafts.systems.base import (
    DATE_IN_NAME,
    Front,
    front_of,
    keys_of,
    left,
    moment_of,
    post_of,
    slug_of,
    text_of,
    words_of,
)
from newsletter.drafts.systems.rewriting import (
    Rewrite,
    attributes,
    fenced,
    line_ends,
    picture,
    rewritten,
)

NAME = "jekyll"

_TEXTS = (".md", ".markdown", ".mkd", ".html", ".textile")
_OF_JEKYLL = (
    "layout",
    "published",
    "permalink",
    "comments",
    "toc",
    "mathjax",
    "redirect_from",
    "pin",
    "math",
)
_OWN = {"categories": "category", "thumbnail": "image"}
_STYLES = {
    "date": "/:categories/:year/:month/:day/:title.html",
    "pretty": "/:categories/:year/:month/:day/:title/",
    "none": "/:categories/:title.html",
}


def recognises(names: frozenset[str], archive: ForeignArchive) -> bool:
    return any(name.startswith(("_posts/", "_drafts/")) for name in names)


def posts(archive: ForeignArchive) -> Iterator[ForeignPost | Change]:
    site = _Site(archive)
    for name in sorted(archive.names):
        folders = PurePosixPath(name).parent.parts
        is_draft = "_drafts" in folders
        if not (is_draft or "_posts" in folders) or not name.endswith(_TEXTS):
            continue
        yield site.post(name, is_draft)


class _Site:
    """The settings of a site, by which its posts name each other and their pictures."""

    def __init__(self, archive: ForeignArchive) -> None:
        self._archive = archive
        settings = _settings(archive)
        self._baseurl = str(settings.get("baseurl") or "").rstrip("/")
        self._url = str(settings.get("url") or "").rstrip("/")
        permalink = str(settings.get("permalink") or "date")
        self._permalink = _STYLES.get(permalink, permalink)

    def post(self, name: str, is_draft: bool) -> ForeignPost | Change:
        if name.endswith(".textile"):
            return left(name, "it is written in Textile, which nothing here reads")
        text = post_of(self._archive, name)
        if isinstance(text, Change):
            return text
        source, notes = text
        front = front_of(source, name)
        keys, changes = keys_of(front, name, _OWN, _OF_JEKYLL)
        if categories := words_of(keys.pop("category", None)):
            words = categories[0].split() if isinstance(front.values.get("categories"), str) else []
            keys["category"] = (words or categories)[0]
        if isinstance(tags := keys.get("tags"), str) and "," not in tags:
            keys["tags"] = tags.split()
        is_draft |= str(front.values.get("published")).lower() == "false"
        if isinstance(image := keys.get("image"), dict):
            keys["image"] = image.get("path") or image.get("src")
        in_name = DATE_IN_NAME.fullmatch(PurePosixPath(name).stem)
        _, day = moment_of(keys.get("date"))
        if day is None and in_name:
            keys["date"], day = moment_of("-".join(in_name.groups()[:3]))
        if is_draft:
            keys["draft"] = True
        stem = in_name[4] if in_name else PurePosixPath(name).stem
        is_html = name.endswith(".html")
        body, more = rewritten(front.body, self._rewrites(), name, front.body_line)
        return ForeignPost(
            name,
            slug_of(keys.pop("slug", None), stem),
            day,
            keys,
            body,
            is_html,
            front.body_line,
            self._url + self._baseurl,
            ("", str(PurePosixPath(name).parent)),
            (*notes, *changes, *more),
        )

    def _rewrites(self) -> tuple[Rewrite, ...]:
        return (
            Rewrite(_RAW, lambda match, _: "", ChangeKind.DROPPED),
            Rewrite(_COMMENT, line_ends, ChangeKind.DROPPED, _COMMENT_END),
            Rewrite(_HIGHLIGHT, fenced, end=_HIGHLIGHT_END),
            Rewrite(_URL_FILTER, lambda match, _: f"{self._baseurl}{match[1]}"),
            Rewrite(_SITE, self._value),
            Rewrite(_LINK, self._link),
            Rewrite(_FIGURE, _figure),
            Rewrite(_OTHER_TAG, lambda match, _: None),
        )

    def _value(self, match: re.Match[str], _: str) -> str:
        return self._url if match[1] == "url" else self._baseurl

    def _link(self, match: re.Match[str], _: str) -> str | None:
        """The web address of a post, as the site's settings make it."""
        wanted = PurePosixPath(match[1]).name
        named = DATE_IN_NAME.fullmatch(wanted.partition(".")[0] if "." in wanted else wanted)
        if named is None:
            return None
        name = next((n for n in self._archive.names if PurePosixPath(n).stem == named[0]), None)
        if name is None:
            return None
        text = text_of(self._archive, name)
        front = front_of("" if isinstance(text, Change) else text[0], name)
        return f"{self._url}{self._baseurl}{self._path(front, named)}"

    def _path(self, front: Front, named: re.Match[str]) -> str:
        categories = words_of(front.values.get("categories") or front.values.get("category"))
        parts = {
            "categories": "/".join(slug_of(each) for each in categories),
            **dict(zip(("year", "month", "day"), named.groups(), strict=False)),
            "title": str(front.values.get("slug") or named[4]),
        }
        permalink = str(front.values.get("permalink") or self._permalink)
        path = re.sub(r":(\w+)", lambda part: parts.get(part[1], part[0]), permalink)
        return re.sub("/{2,}", "/", f"/{path}")


_RAW = re.compile(r"\{%-? ?(?:end)?raw ?-?%\}")
_COMMENT = re.compile(r"\{%-? ?comment ?-?%\}")
_COMMENT_END = re.compile(r"\{%-? ?endcomment ?-?%\}")
_HIGHLIGHT = re.compile(r"\{%-? ?highlight (\w{1,40})[^%\n]{0,80}%\}(?=\n)")
_HIGHLIGHT_END = re.compile(r"(?<=\n)[ \t]{0,8}\{%-? ?endhighlight ?-?%\}")
_URL_FILTER = re.compile(
    r"\{\{-? ?[\"']([^\"'{}\n]{1,300})[\"'] ?\| ?"
    r"(?:relative_url|absolute_url|prepend: ?site\.baseurl) ?-?\}\}"
)
_SITE = re.compile(r"\{\{-? ?site\.(baseurl|url) ?-?\}\}")
_LINK = re.compile(r"\{%-? ?(?:post_url|link) {1,4}([^\s{}%]{1,300}) ?-?%\}")
_FIGURE = re.compile(r"\{%-? ?include (?:figure|image|img)[\w.-]{0,40}\s([^%]{1,1000})%\}")
_OTHER_TAG = re.compile(
    r"\{%-? ?\w[^%\n]{0,300}%\}|\{\{-? ?(?:site|page|include)\.[^{}\n]{0,200}\}\}"
)


def _figure(match: re.Match[str], _: str) -> str | None:
    _plain, named = attributes(match[1].rstrip("-"))
    source = next((named[key] for key in ("src", "url", "image_path", "image") if key in named), "")
    if not source or "{{" in source:
        return None
    return picture(source, named.get("alt", ""), named.get("caption", ""), named.get("link", ""))


def _settings(archive: ForeignArchive) -> Mapping[str, Any]:
    text = text_of(archive, "_config.yml") if "_config.yml" in archive.names else None
    try:
        settings = yaml.safe_load(text[0]) if isinstance(text, tuple) else {}
    except (yaml.YAMLError, RecursionError, ValueError):
        settings = {}
    return settings if isinstance(settings, dict) else {}
