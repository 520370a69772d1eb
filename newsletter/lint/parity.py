"""The two parts of a mail against each other: what one says, the other says too."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from newsletter.lint.page import Page, page_of
from newsletter.lint.reading import as_read
from newsletter.lint.visible import place_of_target, place_of_text, quoted
from newsletter.model.digest import Digest
from newsletter.model.email import Email
from newsletter.model.finding import Finding, Severity

_SHOWN = 3  # findings of a kind: a theme that leaves something out leaves all of it out
_NO_LETTER = re.compile(r"[\W_]+")
_NO_ASCII_LETTER = bytes(code for code in range(128) if not chr(code).isalnum())
_LINK = re.compile(r"(?:https?|mailto):[!-;=?-~]+")
_MAILBOX = r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
_ADDRESS = re.compile(f"{_LINK.pattern}|{_MAILBOX}", re.ASCII)
# A host behind a title, as some themes show it in HTML, where the text has the whole address.
_HOST = re.compile(r"\((?:[\w-]{1,63}\.){1,8}[a-z]{2,24}\)")
_BRACKETED = re.compile(r"<((?:https?|mailto):[^<>\s]+)>")
_URL = re.compile(r"https?://[!-;=?-~]+", re.ASCII)
_LABEL = re.compile(r"\s*[\[(〔【［「<«].*[\])〕】］」>»]\s*")
# What stands before the text of a line: a box to tick, a number, the number of a note.
_MARK = re.compile(r"^\s*(?:[^\w\[]*\[x\]|\d+\.|[^\w\[]*\[\d+\])\s*")


def text_html_parity(digest: Digest, email: Email) -> Iterator[Finding]:
    """Both parts of a mail say the same and lead to the same places."""
    parts = as_read(email)
    page = page_of(parts.html)
    for missing, fix in (
        (_unread(page, parts.text), "Add it to email.txt.j2 of the theme."),
        (_unseen(page, parts.text, digest), "Add it to email.mjml.j2 of the theme."),
    ):
        for message, text in islice(missing, _SHOWN):
            place = (place_of_target if _URL.match(text) else place_of_text)(text, digest)
            yield Finding("text-html-parity", Severity.WARNING, place, message, fix)


def _unread(page: Page, text: str) -> Iterator[tuple[str, str]]:
    """What stands in the HTML and not in the text."""
    # Letters of addresses count, too: of some links HTML shows the host alone.
    plain = _letters_of_lines(text.splitlines())
    missing = list(_not_in(plain, page.blocks))
    whole = _letters(text) if missing else ""
    for block in missing:
        if _letters(block) not in whole:
            yield f"the text part lacks {quoted(' '.join(block.split()))!r}", block
    for target in dict.fromkeys(page.targets):
        if not target.startswith("#") and target.removeprefix("mailto:") not in text:
            yield f"the text part lacks the link {quoted(target)}", target


def _unseen(page: Page, text: str, digest: Digest) -> Iterator[tuple[str, str]]:
    """What stands in the text and not in the HTML."""
    seen = "\n".join(page.blocks)
    plain = _letters_of_lines(seen.splitlines())
    lines = _not_in(plain, text.splitlines())
    for line in _not_in(plain, (_MARK.sub("", line) for line in lines)):
        if _LABEL.fullmatch(line) and place_of_text(line, digest) == digest.position:
            continue  # the theme's own: what is set apart by its looks has no label in HTML
        yield f"the HTML lacks {quoted(' '.join(line.split()))!r}, which the text part has", line
    known = "\n".join([*page.targets, *page.sources, seen])
    bracketed = _BRACKETED.findall(text)
    for url in dict.fromkeys([*bracketed, *_URL.findall(_BRACKETED.sub(" ", text))]):
        if url not in known and url.rstrip(".,;:!?)'\"]") not in known:
            yield f"the HTML lacks the link {quoted(url)}, which the text part has", url


def _not_in(whole: str, texts: Iterable[str]) -> Iterator[str]:
    """The texts whose letters do not stand in `whole`, which mostly has them in the same order."""
    end = 0
    for text in texts:
        if letters := _letters(_without_addresses(text)):
            place = whole.find(letters, end)
            place = whole.find(letters) if place < 0 else place
            if place < 0:
                yield text
            else:
                end = place


def _without_addresses(text: str) -> str:
    """A line without what stands at another place, or shorter, in the other part."""
    if "@" in text:
        text = _ADDRESS.sub(" ", _BRACKETED.sub(" ", text))
    elif ":" in text:
        text = _LINK.sub(" ", _BRACKETED.sub(" ", text))
    return _HOST.sub(" ", text) if "(" in text else text


def _letters(text: str) -> str:
    if text.isascii():  # nearly all lines of most mails: twenty times as quick
        return text.encode().translate(None, _NO_ASCII_LETTER).decode()
    return _NO_LETTER.sub("", text)


def _letters_of_lines(lines: Iterable[str]) -> str:
    return "".join([_letters(_without_addresses(line)) for line in lines])
