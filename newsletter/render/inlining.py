"""Style sheets into style attributes: premailer, with each sheet read once."""

import logging
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from lxml import etree

from newsletter.errors import RenderError

# What premailer has parsed it keeps, but only 128 styles of all mails of a process, and for good
# those that were asked for most: a second theme would be parsed anew for each mail. It reads this
# when it is imported.
os.environ.setdefault("PREMAILER_CACHE_MAXSIZE", "2048")

from premailer import Premailer
from premailer.premailer import PremailerError

_SHEETS_KEPT = 32  # one for each theme and direction, and more where languages differ
_ONE_TAG = re.compile(r"(?:\.[\w-]+)+")  # by its classes alone
_PLAIN_NAMES = re.compile(r"[\w -]+")


def inlined(html: str, name: str, *, floats: bool) -> str:
    """HTML with the rules of its style sheets in its tags; `floats` where a picture may float.

    Raises RenderError where a sheet cannot be inlined.
    """
    root = etree.fromstring(html.strip(), etree.HTMLParser())
    inliner = _Inliner(
        root,
        strip_important=False,
        allow_network=False,
        disable_validation=True,
        cssutils_logging_level=logging.CRITICAL,
        align_floating_images=floats,  # it parses each picture's style to find out
    )
    try:
        tree = inliner.transform()
    except (PremailerError, ValueError) as error:
        raise RenderError(
            f"the style sheet cannot be inlined: {error}",
            where=name,
            hint="Mend the style sheet of the theme.",
        ) from error
    _mark_main(root)
    return str(etree.tostring(tree, method="html", encoding="utf-8"), "utf-8")


def _mark_main(root: Any) -> None:
    """Put all that a mail shows into its main region, which screen readers jump to.

    mrml wraps a mail in an article alone, and MJML has no component for more. A theme may have
    a region of its own.
    """
    for article in root.xpath("/html/body[not(.//*[@role='main'])]/div[@role='article']"):
        main = etree.Element("div", role="main")
        article.addprevious(main)
        main.append(article)


class _Inliner(Premailer):  # type: ignore[misc]  # premailer has no types
    """Premailer in a third of its time: it keeps the rules of a sheet, and looks for a rule of
    classes alone only among the tags of these classes."""

    def _parse_style_rules(self, sheet: str, number: int) -> tuple[list[Any], list[Any]]:
        rules, leftover = _read(sheet, number, self.strip_important, self.disable_validation)
        tags = _tags_by_class(self.html)
        narrowed = [
            (specificity, narrow, style)
            for specificity, selector, style in rules
            for narrow in _narrowed(selector, tags)
        ]
        return narrowed, list(leftover)

    def _style_to_basic_html_attributes(self, *_: object, **__: object) -> None:
        """Makes no attributes from styles: `width="100%"` would override a picture's own."""


@lru_cache(maxsize=_SHEETS_KEPT)
def _read(
    sheet: str, number: int, strip_important: bool, disable_validation: bool
) -> tuple[Sequence[Any], Sequence[Any]]:
    """The rules of a sheet, the mail's `number`th, that can be inlined, and those that cannot."""
    reader = Premailer(strip_important=strip_important, disable_validation=disable_validation)
    rules, leftover = reader._parse_style_rules(sheet, number)
    return tuple(rules), tuple(leftover)


def _tags_by_class(root: Any) -> Mapping[str, frozenset[tuple[str, str]]]:
    """The tags of each class: their names and the whole value of their `class`."""
    tags: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for element in root.iter(etree.Element):
        names = element.get("class", "")
        for name in names.split():
            tags[name].add((element.tag, names))
    return {name: frozenset(found) for name, found in tags.items()}


def _narrowed(selector: str, tags: Mapping[str, frozenset[tuple[str, str]]]) -> Iterator[str]:
    """Selectors that together match what `selector` does, each quicker to look for."""
    if not _ONE_TAG.fullmatch(selector):
        yield selector
        return
    first, *more = selector[1:].split(".")
    none: frozenset[tuple[str, str]] = frozenset()
    having = sorted(tags.get(first, none).intersection(*(tags.get(name, none) for name in more)))
    if all(tag.isalnum() and _PLAIN_NAMES.fullmatch(names) for tag, names in having):
        yield from (f'{tag}[class="{names}"]' for tag, names in having)
    else:
        yield selector
