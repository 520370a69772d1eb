"""What an issue is found by: its title, tags and summary, and the text of its mail."""

import re
from dataclasses import dataclass

from newsletter.config import NewsletterSettings
from newsletter.web.published import Issue, Published
from newsletter.web.sealed import for_everybody, without_links

_ADDRESS = re.compile(r"<?\b(?:https?://|mailto:)[^\s<>]+>?")
_HEAD_LINES = 10
_LETTER = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class SearchFields:
    title: str
    tags: str
    summary: str
    body: str


def fields_of(published: Published, newsletter: NewsletterSettings, issue: Issue) -> SearchFields:
    """Nothing of any reader, no address of a link, and no line that stands in every mail."""
    email, _ = published.email(issue)
    text = for_everybody(without_links(email.for_send({}).text), published.around(issue.slug))
    lines = [_ADDRESS.sub(" ", line).strip() for line in text.splitlines()]
    if issue.title in lines[:_HEAD_LINES]:  # above it stand the name, the date, and such
        lines = lines[lines.index(issue.title) + 1 :]
    own = (line for line in lines if _LETTER.search(line) and not _is_everywhere(line, newsletter))
    return SearchFields(issue.title, " ".join(issue.tags), issue.preheader, "\n".join(own))


def _is_everywhere(line: str, newsletter: NewsletterSettings) -> bool:
    address = " ".join(newsletter.postal_address.split())
    return line == newsletter.name or bool(address and address in line)
