"""The pictures of a post, wherever its system keeps them -> files beside the issue."""

import io
import posixpath
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape, unescape
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from PIL import Image

from newsletter.drafts.archives import ForeignArchive
from newsletter.drafts.posts import Change, ChangeKind, ForeignPost
from newsletter.errors import NewsletterError
from newsletter.model.slug import slugified

FOLDER = "pictures"  # beside the issues; each issue has a folder in it

_IN_MARKDOWN = re.compile(
    r"(!\[(?:[^\[\]\\]|\\.)*\]\(\s*)(?:<([^<>\n]+)>|((?:[^\s()]|\([^\s()]*\))+))"
)
_IN_HTML = re.compile(
    r"(<img\b[^<>]*?(?<=[\s\"'])src\s*=\s*)(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.I
)
_DEFINED = re.compile(
    r"^( {0,3}\[[^\]\n]+\]:\s*)<?(\S+?\.(?:png|jpe?g|gif|webp|avif|svg))>?", re.M | re.I
)
_LINK = re.compile(r"(\]\(\s*|<a\b[^<>]*?\bhref\s*=\s*[\"'])(/(?!/)[^\s)\"']*)", re.I)
_NAME_LENGTH = 60


class Shelf:
    """The files of an archive, by names as pages write them."""

    def __init__(self, archive: ForeignArchive) -> None:
        self._names = {_normal(name): name for name in sorted(archive.names)}
        self._any_case = {_normal(name).lower(): name for name in sorted(archive.names)}

    def find(self, target: str, post: ForeignPost) -> str | None:
        """The file that a picture's address names; None where it is not in the archive."""
        path = _path_within(target, post)
        if path is None:
            return None
        folders = post.roots if path.startswith("/") else (_folder_of(post.name), *post.roots)
        for folder in folders:
            name = _normal(posixpath.normpath(posixpath.join(folder, path.lstrip("/"))))
            if found := self._names.get(name) or self._any_case.get(name.lower()):
                return found
        return None


@dataclass
class PostPictures:
    """The pictures of one post: `files` are names in the archive, by their path from the issue.

    With `fetch`, which raises NewsletterError, those on the web are `fetched`, by their path.
    """

    shelf: Shelf
    post: ForeignPost
    slug: str
    fetch: Callable[[str], bytes] | None = None
    files: dict[str, str] = field(default_factory=dict)
    fetched: dict[str, bytes] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)

    def moved(self, body: str) -> str:
        """A body that names its pictures where they are now, and pages of its site in full."""
        for pattern, quotes in ((_IN_MARKDOWN, False), (_IN_HTML, True), (_DEFINED, False)):
            body = pattern.sub(self._replacer(quotes, body), body)
        return _LINK.sub(self._with_site, body) if self.post.site else body

    def target(self, source: str, place: str) -> str:
        """The path of a picture beside the issue, or its address as it is."""
        name = self.shelf.find(source, self.post)
        if name is not None:
            return self._path_of(name)
        if self.fetch and source.startswith(("http://", "https://")):
            return self._fetched(source, place)
        is_remote = _path_within(source, self.post) is None
        kind = ChangeKind.PICTURE_REMOTE if is_remote else ChangeKind.PICTURE_MISSING
        if not source.startswith("data:"):
            self.changes.append(Change(place, kind, source[:200]))
        return source

    def _fetched(self, url: str, place: str) -> str:
        """The path of a picture that was on the web; its address where it cannot be had."""
        assert self.fetch
        if url in self.files.values():
            return self._path_of(url)
        try:
            content = self.fetch(url)
            with Image.open(io.BytesIO(content)) as picture:
                kind = str(picture.format or "").lower()
        except NewsletterError as error:
            reason = error.lines[0]
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            reason = "what stands there is no picture"
        else:
            path = self._path_of(url, f".{kind}")
            self.fetched[path] = content
            return path
        self.changes.append(Change(place, ChangeKind.PICTURE_REMOTE, f"{url[:200]}: {reason}"))
        return url

    def _replacer(self, quotes: bool, body: str) -> Callable[[re.Match[str]], str]:
        begins = [match.end() for match in re.finditer("\n", body)]

        def replace(match: re.Match[str]) -> str:
            source = next(part for part in match.groups()[1:] if part is not None)
            line = self.post.body_line + bisect_right(begins, match.start())
            known = unescape(source) if quotes else source
            target = self.target(known, f"{self.post.name}:{line}")
            if target == known:
                return match[0]
            return f'{match[1]}"{escape(target)}"' if quotes else f"{match[1]}{target}"

        return replace

    def _with_site(self, match: re.Match[str]) -> str:
        parts = urlsplit(self.post.site)
        return f"{match[1]}{parts.scheme}://{parts.netloc}{match[2]}"

    def _path_of(self, name: str, suffix: str = "") -> str:
        for path, other in self.files.items():
            if other == name:
                return path
        file = PurePosixPath(unquote(urlsplit(name).path) if suffix else name)
        stem = slugified(file.stem)[:_NAME_LENGTH].strip("-") or "picture"
        end = re.sub(r"[^a-z0-9.]", "", suffix or file.suffix.lower())
        path, number = f"{FOLDER}/{self.slug}/{stem}{end}", 1
        while path in self.files:
            number += 1
            path = f"{FOLDER}/{self.slug}/{stem}-{number}{end}"
        self.files[path] = name
        return path


def _path_within(target: str, post: ForeignPost) -> str | None:
    """The path of an address within the post's site; None where it is elsewhere on the web."""
    target = target.strip()
    if post.site and target.startswith(f"{post.site}/"):
        target = target.removeprefix(post.site)
    elif post.site and (base := urlsplit(post.site).path) and target.startswith(f"{base}/"):
        target = target.removeprefix(base)
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    return None if parts.scheme or parts.netloc or not parts.path else unquote(parts.path)


def _folder_of(name: str) -> str:
    return str(PurePosixPath(name.partition("#")[0]).parent)


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def cover_of(keys: Mapping[str, object]) -> str:
    """The address of a post's cover, under whichever of our names it stands."""
    for key in ("coverImage", "cover_image", "cover", "image"):
        if isinstance(value := keys.get(key), str) and value.strip():
            return value.strip()
    return ""
