"""What the archive shows of an issue that was sent: its corrections, and whether it is hidden.

Nothing here touches a mail, or what a send sealed.
"""

import datetime as dt
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Connection

from newsletter.config import WebSettings
from newsletter.desk.prepare import Prepared, prepare
from newsletter.desk.publishing import publish
from newsletter.desk.slugs import slug_of_issue
from newsletter.errors import Refused, UsageError
from newsletter.model.approval import Provenance
from newsletter.model.audit import Deed, DeedKind
from newsletter.model.listing import Correction, Hiding, listing_of
from newsletter.model.slug import spellings
from newsletter.operations.provenance import provenance_of
from newsletter.operations.who import operator
from newsletter.project import Project
from newsletter.store import Store, audit
from newsletter.store.ledger import archive, corrections, sends
from newsletter.store.ledger.archive import Begun

_LONGEST_NOTE = 500
_SEE_LIST = "See what is there: newsletter archive list"


@dataclass(frozen=True, slots=True)
class CorrectionProposal:
    """A correction that may be made: of what `sent` shows, to what the file says now."""

    prepared: Prepared
    sent: Begun
    note: str
    earlier: int  # corrections of this send
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Corrected:
    """What became of it; `corrections` are those that the page shows now."""

    slug: str
    send_id: str
    correction: Correction
    corrections: int


def propose(
    project: Project, store: Store, issue: str, note: str, show: Callable[[Prepared], None]
) -> CorrectionProposal:
    """Look whether an issue can be corrected. `show` gets it prepared, and may refuse it.

    Raises UsageError; Refused for an issue that is not on the web, that did not change, or for
    which the policy wants more before it goes out.
    """
    note = _one_line("--note", note)
    if not note:
        raise UsageError(
            "a correction needs a note for its readers", hint='--note "the date of the meetup"'
        )
    prepared = prepare(project, issue)
    slug = prepared.digest.slug
    with store.read() as connection:
        sent = _shown(connection, project.settings.web, slug)
        shown = corrections.content_of(connection, sent.number)
        earlier = corrections.of_send(connection, sent.number)
    show(prepared)
    if shown == (prepared.email.content_hash, listing_of(prepared.digest)):
        raise Refused(
            f"{slug!r} says what the archive shows already",
            where=prepared.digest.position.file,
            hint="Nothing was changed. Mend the file first, then run this again.",
        )
    provenance = provenance_of(project, store, prepared)
    return CorrectionProposal(prepared, sent, note, len(earlier), provenance)


def correct(
    project: Project, store: Store, proposal: CorrectionProposal, now: dt.datetime
) -> Corrected:
    """Publish the pictures of a proposal, and make it what the archive shows.

    Raises Refused where that changed since it was proposed: another correction, or another send.
    """
    prepared, number = proposal.prepared, proposal.sent.number
    publish(prepared.pictures, project.settings, store, now)
    correction = Correction(0, number, now, proposal.note, str(operator(project)))
    with store.write() as connection:
        sends.record(connection, number, lock=True)
        shown = _shown(connection, project.settings.web, proposal.sent.slug).number
        if (shown, len(corrections.of_send(connection, number))) != (number, proposal.earlier):
            raise Refused(
                f"somebody else sent or corrected {proposal.sent.slug!r} meanwhile",
                hint="Nothing was changed. Look at what the archive shows, and run this again.",
            )
        corrections.add(
            connection,
            correction,
            email=prepared.email.to_json(),
            content_hash=prepared.email.content_hash,
            source_hash=prepared.parsed.source_hash,
            git_commit=proposal.provenance.git_commit,
            listing=listing_of(prepared.digest),
        )
        deed = Deed(now, correction.author, DeedKind.CORRECT, proposal.sent.id, proposal.note)
        audit.append(connection, deed)
        standing = corrections.of_send(connection, number)
    return Corrected(proposal.sent.slug, proposal.sent.id, standing[-1], len(standing))


def undo(project: Project, store: Store, issue: str, now: dt.datetime) -> Corrected:
    """Take back the newest correction of an issue. Raises UsageError, and Refused without one."""
    with store.write() as connection:
        slug = _slugs(project, connection, issue)[-1]
        sent = _shown(connection, project.settings.web, slug)
        standing = corrections.of_send(connection, sent.number)
        if not standing:
            raise Refused(
                f"{slug!r} has no correction to take back",
                hint="The archive shows it as it was mailed.",
            )
        corrections.undo(connection, standing[-1].id, now)
        who = str(operator(project))
        audit.append(connection, Deed(now, who, DeedKind.UNDO, sent.id, "its newest correction"))
    return Corrected(sent.slug, sent.id, standing[-1], len(standing) - 1)


def hide(
    project: Project, store: Store, issue: str, reason: str, now: dt.datetime
) -> tuple[str, bool]:
    """Take an issue off the web: its slug, and whether it was there. Raises UsageError."""
    reason = _one_line("--reason", reason)
    author = str(operator(project))
    with store.write() as connection:
        slugs = _slugs(project, connection, issue)
        changed = [
            corrections.hide(connection, Hiding(slug, now, reason, author)) for slug in slugs
        ]
        if any(changed):
            audit.append(connection, Deed(now, author, DeedKind.HIDE, slugs[-1], reason))
    return slugs[-1], any(changed)


def show(project: Project, store: Store, issue: str, now: dt.datetime) -> tuple[str, bool]:
    """Put an issue back on the web: its slug, and whether it was off. Raises UsageError."""
    with store.write() as connection:
        slugs = _slugs(project, connection, issue)
        changed = [corrections.show(connection, slug) for slug in slugs]
        if any(changed):
            who = str(operator(project))
            audit.append(connection, Deed(now, who, DeedKind.SHOW, slugs[-1]))
    return slugs[-1], any(changed)


def _shown(connection: Connection, web: WebSettings, slug: str) -> Begun:
    """The send whose email the archive shows of an issue. Raises Refused where there is none."""
    begun = [send for send in archive.begun(connection) if send.slug in spellings(slug)]
    reached = archive.reached(connection, [send.number for send in begun])
    some = [send for send in begun if send.number in reached]
    public = [send for send in some if web.shows(send.list)]
    if public:
        return archive.shown(public, corrections.all_of_them(connection))
    if some:
        raise Refused(
            f"{slug!r} is not in the archive: its list {some[-1].list} is not public",
            hint="Nothing was changed. [web] archive_lists names the lists that are.",
        )
    raise Refused(
        f"{slug!r} is not in the archive: it has reached nobody of a whole list yet",
        hint="Nothing was changed. What was not sent can be edited in its file: newsletter send "
        "mails what the file says then. If its file had another name, say in it: slug: …",
    )


def _slugs(project: Project, connection: Connection, issue: str) -> Sequence[str]:
    """All spellings of a slug that were sent, the newest last, of an issue whose file may be gone
    or have another slug by now."""
    named = [Path(issue).stem, issue]
    with suppress(UsageError):
        named.insert(0, slug_of_issue(project, issue))
    for slug in named:
        if sent := archive.slugs(connection, spellings(slug)):
            return sent
    raise UsageError(f"no issue was sent as {named[0]!r}", where=issue, hint=_SEE_LIST)


def _one_line(option: str, text: str) -> str:
    """A text as its readers see it: without control characters, and empty where nothing shows."""
    line = " ".join(text.split())
    line = "".join(sign for sign in line if unicodedata.category(sign) != "Cc")
    if not any(sign.isprintable() and sign != " " for sign in line):
        return ""
    if len(line) > _LONGEST_NOTE:
        raise UsageError(f"{option} has {len(line):,} characters, {_LONGEST_NOTE} at most")
    return line
