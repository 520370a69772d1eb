"""The doctor: whether a newsletter is fit to send, and what mends it.

base        what a check is, what it says, what it looks at
project     the folder: settings, secret, who may read what
store       the store, and how its mail is received
machine     clock and disks
looks       theme, brand, pictures
site        the public pages: TLS, health, one click
domain      SPF, DKIM, DMARC, BIMI; dmarc and spf read the records
rules       what mailbox providers ask, by what the others found
live        what a rehearsal shows; newsletter.operations.rehearsal plays it
fetching    one request to a web server
transports  which of these knows the transport: outbox, smtp, ses

One check is one function; it writes nothing but the store's probe, which is taken back.
"""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from newsletter import config
from newsletter.desk.tools.hosts import replies_of
from newsletter.doctor import domain, looks, machine, project, rules, site, store
from newsletter.doctor.base import (
    Check,
    CheckGroup,
    CheckLine,
    CheckVerdict,
    Diagnosis,
    Examination,
    Outside,
    Unseen,
    fail,
    skipped,
    warn,
)
from newsletter.doctor.transports import bedside_of
from newsletter.errors import ConfigurationError, NewsletterError, place_in_code
from newsletter.project import Project

__all__ = ["CheckGroup", "CheckLine", "CheckVerdict", "Outside", "diagnoses", "examine"]

_SECONDS = 90.0  # for all checks together
_HERE = Outside()

COMMON = (
    *project.CHECKS,
    *store.CHECKS,
    *machine.CHECKS,
    *looks.CHECKS,
    *site.CHECKS,
    *domain.CHECKS,
)
_FOR_READERS = (CheckGroup.SITE, CheckGroup.RULES)


def examine(
    root: Path,
    only: Collection[CheckGroup] = (),
    surroundings: Outside = _HERE,
    seconds: float = _SECONDS,
) -> list[CheckLine]:
    """Look at the newsletter in a folder, at all of it or at some groups; the lines stand in the
    order of the groups. Whatever is wrong with it is a line, and no error."""
    wanted = set(only or CheckGroup)
    try:
        opened = Project(root, config.load(root / config.FILE_NAME))
    except ConfigurationError as error:
        return _without_settings(error)
    exam = Examination(opened, surroundings)
    checks = [*COMMON, *bedside_of(opened.settings.transport).checks]
    needed = wanted | (rules.groups_of(checks) if CheckGroup.RULES in wanted else set())
    try:
        lines = _look(exam, [check for check in checks if check.group in needed], only, seconds)
    finally:
        exam.close()
    if CheckGroup.RULES in wanted:
        lines += _judged(exam, lines, only)
    order = list(CheckGroup)
    shown = [line for line in lines if line.check.group in wanted]
    return sorted(shown, key=lambda line: order.index(line.check.group))


def _without_settings(error: ConfigurationError) -> list[CheckLine]:
    first, *others = COMMON
    faults = fail(f"{error.where}: {'; '.join(error.lines)}", error.hint)
    later = skipped("newsletter.toml comes first")
    return [CheckLine(first, faults), *(CheckLine(check, later) for check in others)]


def _look(
    exam: Examination, checks: Sequence[Check], only: Collection[CheckGroup], seconds: float
) -> list[CheckLine]:
    """The lines of checks that are made side by side, in the order of the checks."""

    def of_one(check: Check) -> Iterator[CheckLine]:
        if reason := _needless(exam, check, only):
            yield CheckLine(check, skipped(reason))
        else:
            for diagnosis in diagnoses(check, exam):
                yield CheckLine(check, diagnosis)

    lines: dict[str, list[CheckLine]] = {check.id: [] for check in checks}
    for line in replies_of(checks, of_one, seconds):
        lines[line.check.id].append(line)
    for check in checks:
        if not lines[check.id]:
            late = f"could not be looked at within {seconds:.0f} seconds"
            again = f"newsletter doctor --only {check.group}"
            lines[check.id].append(CheckLine(check, warn(late, again)))
    return [line for check in checks for line in lines[check.id]]


def diagnoses(check: Check, exam: Examination) -> list[Diagnosis]:
    """What a check says, also where it cannot go on: it holds up no other."""
    try:
        return list(check.look(exam))
    except Unseen as error:
        return [skipped(error.message, error.hint)]
    except NewsletterError as error:
        return [warn(f"could not be looked at: {error.message}", error.hint or "newsletter doctor")]
    except Exception as error:  # noqa: BLE001 -- one check that fails is a line of its own
        place = place_in_code(error)
        what = f"could not be looked at: {type(error).__name__} in {place}"
        return [fail(what, "This is a fault of newsletter: report it with this line.")]


def _needless(exam: Examination, check: Check, only: Collection[CheckGroup]) -> str:
    """Why nobody needs to know, unless the group was asked for by name."""
    if bedside_of(exam.settings.transport).is_for_readers or check.group in only:
        return ""
    return "mail reaches nobody here" if check.group in _FOR_READERS else ""


def _judged(
    exam: Examination, lines: Sequence[CheckLine], only: Collection[CheckGroup]
) -> list[CheckLine]:
    judged = []
    for rule, check in zip(rules.RULES, rules.CHECKS, strict=True):
        reason = _needless(exam, check, only)
        judged.append(CheckLine(check, skipped(reason) if reason else rules.judge(rule, lines)))
    return judged
