"""One issue as a page asks for it: the mail as a client shows it, its text, source and headers."""

import datetime as dt
import email
import email.policy
from dataclasses import replace
from typing import Any

from newsletter.audience.address import parse
from newsletter.desk import views
from newsletter.desk.prepare import Prepared, prepare
from newsletter.desk.preview import message_to, with_pictures_in
from newsletter.desk.readers import NAMELESS, with_longest_values
from newsletter.desk.standing import stage_of
from newsletter.errors import NewsletterError
from newsletter.lint.formats import as_json
from newsletter.lint.sizes import part_sizes
from newsletter.model.email import Message, fill
from newsletter.model.finding import Severity
from newsletter.model.subscriber import Subscriber
from newsletter.operations.trials import reader_of
from newsletter.sending.compose import SAMPLE_READER
from newsletter.studio.issues import path_of
from newsletter.studio.session import Studio
from newsletter.studio.wishes import ViewWish, fault
from newsletter.transports import mime

CLIP_BYTES = 102_000  # where Gmail cuts a mail off


def shown(studio: Studio, stem: str, wish: ViewWish) -> dict[str, Any]:
    """What a page needs. Raises UsageError for an unknown reader or issue; what keeps an issue from
    being rendered comes as `error`, with the line where it stands."""
    path = studio.path_of(stem)
    draft = None if wish.text is None else wish.text.encode()
    try:
        with studio.rendering:
            prepared = prepare(studio.project, str(path), draft=draft, marks=wish.part == "mail")
    except NewsletterError as error:
        return {"error": fault(error), "findings": []}
    studio.pictures[path_of(stem)] = prepared.pictures
    reader = _reader(studio, wish.reader, prepared)
    message = message_to(reader, prepared, studio.project)
    return {
        "error": fault(studio.fault) if studio.fault else None,
        "findings": [as_json(finding) for finding in prepared.findings],
        "stage": stage_in(studio, prepared),
        "title": prepared.digest.title_text,
        "subject": message.subject,
        "preheader": fill(message.email.preheader, message.values),
        "sender": message.sender,
        "bytes": len(message.html.encode()),
        "clip": CLIP_BYTES,
        "sections": [
            {"name": part.name, "line": part.line, "bytes": part.size_bytes}
            for part in part_sizes(prepared.digest, message.html)
        ],
        **_part(studio, prepared, reader, message, wish),
    }


def _part(
    studio: Studio, prepared: Prepared, reader: Subscriber, message: Message, wish: ViewWish
) -> dict[str, Any]:
    match wish.part:
        case "text":
            return {"text": message.text}
        case "source":
            return {"text": message.html}
        case "headers":
            return {"headers": headers_of(message)}
        case _:
            marked = replace(prepared, email=prepared.marked or prepared.email)
            html = message_to(reader, marked, studio.project).html
            return {"html": _mail(studio, prepared, html, wish)}


def _mail(studio: Studio, prepared: Prepared, html: str, wish: ViewWish) -> str:
    html = views.coloured(html, views.ColourMode(wish.look))
    if wish.outlook:
        html = views.in_outlook(html)
    if not wish.styles:
        html = views.without_styles(html)
    if not wish.pictures:
        return views.without_pictures(html)
    folder = f"{path_of(prepared.path.stem)}/media"
    return with_pictures_in(folder, html, prepared, studio.project)


def headers_of(message: Message) -> list[list[str]]:
    """The headers of a mail as it would leave, each as bytes have it and as people read it."""
    head = mime.compose(message, dt.datetime.now(dt.UTC)).partition(b"\r\n\r\n")[0]
    raw = email.message_from_bytes(head, policy=email.policy.compat32)
    read = email.message_from_bytes(head, policy=email.policy.default)
    return [
        [name, str(value), str(decoded)]
        for (name, value), decoded in zip(raw.items(), read.values(), strict=True)
    ]


def _reader(studio: Studio, name: str, prepared: Prepared) -> Subscriber:
    match name:
        case "sample":
            return SAMPLE_READER
        case "nameless":
            return NAMELESS
        case "longest":
            return with_longest_values(studio.store, prepared.email)
        case _:
            reader = reader_of(studio.store, parse(name))
            return SAMPLE_READER._replace(
                address=reader.address, name=reader.name, attributes=reader.attributes
            )


def stage_in(studio: Studio, prepared: Prepared) -> str | None:
    """Where an issue stands; None where the store cannot be read: an editor can go on without."""
    try:
        return studio.read(lambda store: stage_of(store, prepared))
    except NewsletterError:
        return None


def counts(prepared: Prepared) -> dict[str, int]:
    """How many findings an issue has, by severity."""
    severities = [finding.severity for finding in prepared.findings]
    return {severity.value: severities.count(severity) for severity in Severity}
