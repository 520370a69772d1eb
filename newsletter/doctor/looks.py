"""Checks of the theme, the brand and the pictures, which are reached as the site is."""

import html
import re
from collections.abc import Iterator

from newsletter.desk import brand, themes
from newsletter.doctor import fetching
from newsletter.doctor.base import (
    Check,
    CheckGroup,
    Diagnosis,
    Examination,
    fail,
    listed,
    ok,
    skipped,
    warn,
)
from newsletter.errors import NewsletterError
from newsletter.model.finding import Severity
from newsletter.store.ledger import sends

_SENDS = 5  # whose mails are searched for a picture


def theme(exam: Examination) -> Iterator[Diagnosis]:
    name = exam.settings.newsletter.theme
    cure = f"newsletter themes check {name}"
    try:
        findings = themes.check(exam.project, name)
    except NewsletterError as error:
        yield fail(f"{error.where}: {error.message}", error.hint or cure)
        return
    errors = [str(one) for one in findings if one.severity is Severity.ERROR]
    warnings = [str(one) for one in findings if one.severity is Severity.WARNING]
    if errors:
        yield fail(listed(errors, 1), cure)
    elif warnings:
        yield warn(listed(warnings, 1), cure)
    else:
        yield ok(f"{name} shows every block")


def look_of_brand(exam: Examination) -> Iterator[Diagnosis]:
    try:
        found = brand.brand_of(exam.project)
        brand.branded(themes.load(exam.project, None), exam.project)
    except NewsletterError as error:
        yield fail(f"{error.where}: {error.message}", error.hint)
        return
    yield ok("a logo" if found.logo else "no logo is set")


def pictures(exam: Examination) -> Iterator[Diagnosis]:
    """One picture of the last mails stands for all: they lie in the same place."""
    base = exam.settings.pictures_url
    url = _a_picture(exam, base)
    if url is None:
        yield skipped("no mail with a picture of its own was sent yet")
        return
    try:
        page = fetching.fetch("GET", url)
    except fetching.NoPage as error:
        yield fail(f"{url} cannot be fetched: {error.message}", _cure(exam))
        return
    kind = page.headers.get("content-type", "")
    if page.status != 200 or not kind.startswith("image/"):
        yield fail(f"{url} answers {page.status} {kind}".rstrip(), _cure(exam))
    else:
        yield ok("a picture of the last mails is shown")


def _a_picture(exam: Examination, base: str) -> str | None:
    pattern = re.compile(re.escape(base) + r"/[\w./-]+")
    with exam.store.read() as connection:
        for send in sends.newest_first(connection, _SENDS):
            email = sends.email_of(connection, sends.number_of(connection, send.id))
            if match := pattern.search(html.unescape(email)):
                return match[0]
    return None


def _cure(exam: Examination) -> str:
    if exam.settings.media.kind == "site":
        return "newsletter serve, behind a proxy that passes /media/ on"
    return "Let everybody read [media] public_url, and compare [media] bucket and prefix with it."


CHECKS = (
    Check("theme", CheckGroup.LOOKS, theme, "Every mail and every page is made by it."),
    Check("brand", CheckGroup.LOOKS, look_of_brand, "The logo and the accent are in every mail."),
    Check(
        "pictures",
        CheckGroup.SITE,
        pictures,
        "Mails hold the addresses of pictures, not pictures.",
    ),
)
