"""Targets of links with a slip in them, and what their author probably meant."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from newsletter.model.slug import slugified

_WHOLE = re.compile(r"https?://(?!https?[:;/])[^/\\]", re.IGNORECASE)  # nearly all are
_WRAPPED = re.compile(
    r"[(\[<\"'“”‘’«]+\s*((?:https?:|mailto:|www\.)[^\s<>\"“”‘’»]*?)[)\]>\"'“”‘’»]*"
)
_MISSPELT = re.compile(
    r"(?!https?://[^/\\])(?:h{1,2}t{1,3}ps{0,2}|ttps?|htt|hpps?)(?:[:;]\s*[/\\]{0,3}|[/\\]{2,3})(?=.)",
    re.IGNORECASE,
)
_KNOWN_SCHEME = re.compile(r"https?[:;/\\]", re.IGNORECASE)
_FULL_WIDTH = re.compile(r"(https?)(?=:?[：／])[:：][/／]{2}(?=.)", re.IGNORECASE)
_EMPTY = re.compile(r"(?:https?:|mailto:(?=/))[/\\]*", re.IGNORECASE)
_DOUBLED = re.compile(r"https?:/{0,2}(https?)[:;]?/{1,2}(.+)", re.IGNORECASE)
_DOMAIN = re.compile(
    r"(?:[\w-]{1,63}\.)+(?P<end>[^\W\d_]{2,24})(?::\d+)?(?:[/?#]\S*)?", re.IGNORECASE
)
_ADDRESS = re.compile(r"[\w.+-]+@(?:[\w-]+\.)+[^\W\d_]{2,24}")
_FILES = frozenset(
    (
        "md markdown txt rst adoc html htm php asp aspx jsp pdf doc docx odt rtf xls xlsx ods csv "
        "tsv ppt pptx odp key pages numbers epub mobi zip gz tgz tar rar 7z png jpg jpeg gif webp "
        "svg avif heic bmp tif tiff ico mp3 mp4 m4a m4v mov avi webm ogg wav flac json jsonl xml "
        "yaml yml toml ini cfg log sql ics vcf js mjs ts tsx jsx css scss py rs go rb java c h cpp "
        "sh ipynb"
    ).split()
)
_ISSUES = frozenset(("md", "markdown"))
_ON_THE_WEB = frozenset(("html", "htm", "php", "asp", "aspx", "jsp"))


@dataclass(frozen=True, slots=True)
class Slip:
    """`target` is where the link leads all the same; None where only its text stays."""

    problem: str
    fix: str
    target: str | None = None
    rule: str = "broken-link"


def slip_in(text: str, base_url: str) -> Slip | None:
    """What is wrong with the target of a link, if it is one of these."""
    if _WHOLE.match(text):
        return None
    if match := _WRAPPED.fullmatch(text):
        return Slip("stands in brackets or quotes of its own", f"Write {match[1]} alone.")
    if _EMPTY.fullmatch(text):
        return Slip("has no address after it", "Write the whole address, or remove the link.")
    if match := _FULL_WIDTH.match(text):
        sign = next(sign for sign in "：／" if sign in match[0])
        fix = f"Write {match[1].lower()}://{text[match.end() :]}."
        return Slip(f"has a full-width {sign} in its https://", fix)
    if match := _DOUBLED.fullmatch(text):
        return Slip("begins twice", f"Write {match[1].lower()}://{match[2].lstrip('/')}.")
    if text.lower().startswith("mailto:"):
        return _mailto(text)
    if match := _MISSPELT.match(text):
        rule = "broken-link" if _KNOWN_SCHEME.match(text) else "unknown-scheme"
        fix = f"Write https://{text[match.end() :]}."
        return Slip("begins with a misspelt https://", fix, rule=rule)
    if _ADDRESS.fullmatch(text):
        return Slip("is a mail address", f"Write mailto:{text}.", f"mailto:{text}")
    return _without_scheme(text, base_url)


def _mailto(text: str) -> Slip | None:
    whole = text[len("mailto:") :]
    to, mark, _ = whole.partition("?")
    if whole.startswith("//"):
        return Slip("has // behind mailto:", f"Write mailto:{whole.lstrip('/')}.", text)
    if not mark and "&" in to:
        return Slip("has no ? before its subject", f"Write mailto:{to.replace('&', '?', 1)}.", text)
    if mark and not to:  # whom to write to is the reader's choice
        return None
    for address in to.split(","):
        bare = re.sub(r"%20|\s", "", address)
        if not re.fullmatch(r"[^@/]+@[^@/.]+(?:\.[^@/.]+)+", bare):
            return Slip("names no mail address", "Write mailto:name@example.com.", text)
    return None


def _without_scheme(text: str, base_url: str) -> Slip | None:
    path = re.split(r"[?#]", text)[0]
    ending = PurePosixPath(path).suffix.lower().removeprefix(".")
    if (match := _DOMAIN.fullmatch(text)) and (
        match["end"].lower() not in _FILES or text.lower().startswith("www.")
    ):
        url = f"https://{text}"
        return Slip("has no https:// before it", f"Write {url}.", url)
    if text.startswith(("/", "\\")) or re.match(r"[a-z][a-z0-9+.-]*:", text, re.IGNORECASE):
        return None
    if ending in _ISSUES:
        slug = slugified(PurePosixPath(path).stem)
        where = f"{base_url}/archive/{slug}/" if base_url and slug else "its address"
        return Slip("is a file of yours, which readers do not have", f"Link to its page: {where}.")
    if ending in _FILES - _ON_THE_WEB:
        return Slip(
            "is a file beside the issue, but only pictures are sent along",
            "Put it on your web site, and write its whole address.",
        )
    return None
