"""Hugo: `content/**.md` and page bundles with YAML, TOML or JSON, and shortcodes.

https://gohugo.io/content-management/page-bundles/, https://gohugo.io/shortcodes/
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import yaml

from newsletter.drafts.archives import ForeignArchive
from newsletter.drafts.posts import Change, ChangeKind, ForeignPost
from newsletter.drafts.systems.base import (
    DATE_IN_NAME,
    front_of,
    keys_of,
    left,
    moment_of,
    post_of,
    slug_of,
    stem_of,
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

NAME = "hugo"

_SETTINGS = tuple(f"{stem}.{end}" for stem in ("hugo", "config") for end in ("toml", "yaml", "yml"))
_OF_HUGO = (
    *("layout", "type", "weight", "aliases", "url", "outputs", "cascade", "menu", "build"),
    *("lastmod", "math", "toc", "showToc", "isCJKLanguage", "markup"),
)
_OWN = {
    "categories": "category",
    "images": "image",
    "featured_image": "image",
    "featuredImage": "image",
    "thumbnail": "image",
    "summary": "description",
}


def recognises(names: frozenset[str], archive: ForeignArchive) -> bool:
    return any(name.startswith("content/") and name.endswith(".md") for name in names)


def posts(archive: ForeignArchive) -> Iterator[ForeignPost | Change]:
    site = _Site(archive)
    for name in sorted(archive.names):
        is_page = name.startswith("content/") and name.endswith((".md", ".markdown", ".html"))
        if is_page and PurePosixPath(name).stem != "_index":
            yield site.post(name)


class _Site:
    def __init__(self, archive: ForeignArchive) -> None:
        self._archive = archive
        settings = _settings(archive)
        self._url = str(settings.get("baseURL") or settings.get("baseurl") or "").rstrip("/")

    def post(self, name: str) -> ForeignPost | Change:
        text = post_of(self._archive, name)
        if isinstance(text, Change):
            return text
        source, notes = text
        front = front_of(source, name)
        keys, changes = keys_of(front, name, _OWN, _OF_HUGO)
        if "date" not in keys and "publishDate" in front.values:
            keys["date"] = front.values["publishDate"]
        keys.pop("publishDate", None)
        in_name = DATE_IN_NAME.fullmatch(stem_of(name))
        _, day = moment_of(keys.get("date"))
        if day is None and in_name:
            keys["date"], day = moment_of("-".join(in_name.groups()[:3]))
        if day is None:
            return left(name, "it has no date, as pages have that are no posts")
        for key in ("category", "image"):
            if (words := keys.pop(key, None)) and (first := _first(words)):
                keys[key] = first
        if isinstance(cover := keys.get("cover"), dict):
            keys["cover"] = cover.get("image")
        body, more = rewritten(front.body, self._rewrites(name), name, front.body_line)
        stem = in_name[4] if in_name else stem_of(name)
        return ForeignPost(
            name,
            slug_of(keys.pop("slug", None), front.values.get("url"), stem),
            day,
            keys,
            body,
            name.endswith(".html"),
            front.body_line,
            self._url,
            ("static", "assets"),
            (*notes, *changes, *more),
        )

    def _rewrites(self, name: str) -> tuple[Rewrite, ...]:
        return (
            Rewrite(_HIGHLIGHT, fenced, end=_HIGHLIGHT_END),
            Rewrite(_FIGURE, _figure),
            Rewrite(_VIDEO, _video),
            Rewrite(_REFERENCE, lambda match, _: self._reference(match[1], name)),
            Rewrite(_COMMENT, line_ends, ChangeKind.DROPPED, _COMMENT_END),
            Rewrite(_HIDDEN, line_ends, ChangeKind.DROPPED, _HIDDEN_END),
            Rewrite(_MORE, lambda match, _: "", ChangeKind.DROPPED),
            Rewrite(_OTHER, lambda match, _: None),
        )

    def _reference(self, arguments: str, name: str) -> str | None:
        """The web address of a page, as Hugo makes it of the page's place."""
        plain, named = attributes(arguments)
        target = named.get("path") or (plain[0] if plain else "")
        path, mark, anchor = target.partition("#")
        if not path:
            return f"#{anchor}" if anchor else None
        wanted = path.strip("/").removesuffix(".md")
        here = PurePosixPath(name).parent.relative_to("content")
        for each in sorted(self._archive.names):
            if not each.startswith("content/") or not each.endswith(".md"):
                continue
            page = each.removeprefix("content/").removesuffix(".md").removesuffix("/index")
            if page in (wanted, str(here / wanted)) or page.endswith(f"/{wanted}"):
                return f"{self._url}/{page}/{mark}{anchor}"
        return None


_HIGHLIGHT = re.compile(r"\{\{[<%] ?highlight (\w{1,40})[^<>{}\n]{0,80}[>%]\}\}(?=\n)")
_HIGHLIGHT_END = re.compile(r"(?<=\n)[ \t]{0,8}\{\{[<%] ?/ ?highlight ?[>%]\}\}")
_FIGURE = re.compile(r"\{\{[<%] ?(?:figure|img|image)\s([^{}]{1,1000})[>%]\}\}")
_VIDEO = re.compile(r"\{\{[<%] ?(youtube|vimeo|gist|tweet|x) ([^{}\n]{1,300})[>%]\}\}")
_REFERENCE = re.compile(r"\{\{[<%] ?(?:rel)?ref ([^{}\n]{1,300})[>%]\}\}")
_COMMENT = re.compile(r"\{\{[<%] ?comment ?[>%]\}\}")
_COMMENT_END = re.compile(r"\{\{[<%] ?/ ?comment ?[>%]\}\}")
_HIDDEN = re.compile(r"\{\{[<%]/\*")
_HIDDEN_END = re.compile(r"\*/[>%]\}\}")
_MORE = re.compile(r"^<!-- ?more ?-->$", re.MULTILINE)
_OTHER = re.compile(r"\{\{[<%] ?/? ?\w[^{}\n]{0,300}[>%]\}\}")


def _first(value: object) -> str:
    words = words_of(value)
    return words[0] if words else ""


def _figure(match: re.Match[str], _: str) -> str | None:
    plain, named = attributes(match[1].rstrip(" /"))
    source = named.get("src") or (plain[0] if plain else "")
    if not source:
        return None
    caption = named.get("caption") or named.get("title") or ""
    return picture(source, named.get("alt", ""), caption, named.get("link", ""))


def _video(match: re.Match[str], _: str) -> str | None:
    plain, named = attributes(match[2].rstrip(" /"))
    name = named.get("id") or (plain[0] if plain else "")
    user = named.get("user") or "i"
    match match[1]:
        case "youtube" if name:
            return f"https://www.youtube.com/watch?v={name}"
        case "vimeo" if name:
            return f"https://vimeo.com/{name}"
        case "gist" if len(plain) > 1:
            return f"<https://gist.github.com/{plain[0]}/{plain[1]}>"
        case "tweet" | "x" if number := named.get("id") or (plain[-1] if plain else ""):
            return f"<https://x.com/{user}/status/{number}>"
        case _:
            return None


def _settings(archive: ForeignArchive) -> Mapping[str, Any]:
    for name in _SETTINGS:
        text = text_of(archive, name) if name in archive.names else None
        if isinstance(text, tuple):
            try:
                is_toml = name.endswith(".toml")
                settings = tomllib.loads(text[0]) if is_toml else yaml.safe_load(text[0])
            except (ValueError, yaml.YAMLError, RecursionError):
                continue
            if isinstance(settings, dict):
                return settings
    return {}
