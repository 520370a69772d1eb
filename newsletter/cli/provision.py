"""`newsletter setup`: what mail needs at a provider and in the DNS."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.asking import confirm
from newsletter.cli.frame import Session, command, examples
from newsletter.errors import Interrupted, Refused, Stopped, UsageError

if TYPE_CHECKING:
    from newsletter.cli.screen import Screen
    from newsletter.dns import Dns
    from newsletter.provision.base import Action, Component, DnsRecord, Provision, SetupWishes
    from newsletter.provision.records import CheckedRecord

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 60.0
_WAIT_SECONDS, _MOST_WAIT_SECONDS = 3_600, 259_200  # three days: so long SES looks for DKIM
_PLACE = click.Path(path_type=Path)


@click.group()
def setup() -> None:
    """Make and repair what mail needs at a provider and in the DNS."""


@setup.command(
    epilog=examples(
        "setup ses --dry-run",
        "setup ses --region eu-west-1 --check-dns",
        "setup ses --terraform infrastructure/",
    )
)
@click.option("--domain", help="The domain to verify; that of the sender if left out.")
@click.option("--mail-from", help="The subdomain that bounces go to; bounce.DOMAIN if left out.")
@click.option("--region", help="The AWS region; that of the settings if left out.")
@click.option("--name", help="What the names of all that is made begin with.")
@click.option("--dry-run", is_flag=True, help="Show what would be changed, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--check-dns", is_flag=True, help="Wait until the DNS has all records.")
@click.option(
    "--wait",
    "wait_seconds",
    type=click.IntRange(0, _MOST_WAIT_SECONDS),
    default=_WAIT_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="With --check-dns: how long to wait; 0 looks once.",
)
@click.option("--policies", metavar="DIR", type=_PLACE, help="Write the IAM policies there.")
@click.option("--terraform", metavar="PATH", type=_PLACE, help="Write it for Terraform instead.")
@click.option(
    "--cloudformation", metavar="PATH", type=_PLACE, help="Write it for CloudFormation instead."
)
@command
def ses(session: Session, /, **options: Any) -> None:
    """Set up Amazon SES: identity, events, queue, and newsletter.toml."""
    from newsletter.dns import Dns
    from newsletter.provision import provision_kind
    from newsletter.provision.base import SetupWishes

    named = {name: options[name] or "" for name in ("domain", "mail_from", "region", "name")}
    wishes, kind = SetupWishes(**named), provision_kind("ses")
    templates = [name for name in ("terraform", "cloudformation") if options[name]]
    if templates:
        _write_templates(session, wishes, {name: options[name] for name in templates})
        return
    settings = session.project.settings
    provision = kind.open(settings, wishes)
    files = _write_policies(options["policies"], provision) if options["policies"] else []
    components, done = _set_up(session, provision, options["dry_run"], options["yes"])
    dns = Dns(settings.dns.nameservers)
    records = provision.records(dns)
    if not session.json:
        _show_records(session, records)
        _show_policies(session, provision, files)
        for step in provision.next_steps():
            session.console.print("", step, sep="\n")
    wait = options["wait_seconds"]
    checked = _wait(session, dns, records, wait) if options["check_dns"] else []
    if session.json:
        session.emit(_as_json(provision, components, done, records, checked, files))


def _set_up(
    session: Session, provision: "Provision", dry_run: bool, yes: bool
) -> "tuple[Sequence[Component], bool]":
    """The plan, and whether it was carried out. Raises Refused without a yes."""
    from newsletter.config import FILE_NAME
    from newsletter.provision.planning import actions_of, is_same, plan
    from newsletter.provision.settings import check_writable

    path, settings = session.project.root / FILE_NAME, session.project.settings
    components = plan(provision, path, settings)
    actions = actions_of(components)
    asks = bool(actions) and not (yes or dry_run)
    if asks or not session.json:
        _show_plan(session.notes if session.json else session.console, provision, components)
    if dry_run or not actions:
        return components, not actions
    if components[-1].actions:
        check_writable(path)
    if asks:
        confirm(
            f"Make these {len(actions)} changes in {provision.place}?",
            Refused(
                "setting up was not confirmed", hint="Nothing was changed. Add --yes to do it."
            ),
        )
        again = plan(provision, path, settings)
        if not is_same(components, again):
            raise Refused(
                "something was changed meanwhile, so there is another plan now",
                hint="Nothing was changed. Run it again to see that plan.",
            )
    _carry_out(session, actions)
    return components, True


def _carry_out(session: Session, actions: "Sequence[Action]") -> None:
    for number, action in enumerate(actions):
        try:
            action.apply()
        except KeyboardInterrupt as error:
            raise Interrupted(
                f"interrupted after {number} of {len(actions)} changes",
                hint="Run it again: it goes on from there.",
            ) from error
        if not session.json:
            session.console.print(f"done: {action.text}")


def _show_plan(screen: "Screen", provision: "Provision", components: "Sequence[Component]") -> None:
    from newsletter.provision.planning import actions_of

    screen.print(f"{provision.domain}, {provision.place}")
    if not actions_of(components):
        screen.print("Everything is there; nothing has to be changed.")
    for action in actions_of(components):
        screen.print(f"- {action.text}")
        for one in action.differences:
            screen.print(f"    {one.attribute}: {one.old} -> {one.new}")
    for component in components:
        for note in component.notes:
            screen.print("", f"note: {component.name}: {note}", sep="\n")
        for reason in component.left_alone:
            lines = reason.splitlines()
            screen.print("", f"left alone: {component.name}: {lines[0]}", sep="\n")
            for line in lines[1:]:
                screen.print(f"  {line}".rstrip())
    screen.print("")


def _show_records(session: Session, records: "Sequence[DnsRecord]") -> None:
    from newsletter.provision.records import zone_file

    table = session.table("type", "name", "value")
    for record in records:
        table.add_row(record.kind, record.name, record.value)
    session.console.print("", "The DNS must have these records:", sep="\n")
    session.console.print(table)
    session.console.print("The same as lines of a zone file:", "", sep="\n")
    for line in zone_file(records).splitlines():
        session.console.print(line)


def _show_policies(session: Session, provision: "Provision", files: Sequence[Path]) -> None:
    """Each in one line, which can be pasted."""
    if files:
        session.console.print("", f"IAM policies: {', '.join(map(str, files))}", sep="\n")
        return
    session.console.print("", "IAM policies of least privilege:", sep="\n")
    for role in ("sender", "events", "doctor"):
        document = provision.policies()[role]
        session.console.print("", f"{role}:", json.dumps(document), sep="\n")


def _write_policies(folder: Path, provision: "Provision") -> list[Path]:
    files = []
    for role, document in provision.policies().items():
        file = folder / f"{role}.json"
        _write(file, json.dumps(document, indent=2) + "\n")
        files.append(file)
    return files


def _write_templates(session: Session, wishes: "SetupWishes", places: dict[str, Path]) -> None:
    """The same for other tools; the provider is not asked."""
    from newsletter.provision import provision_kind

    names = {"terraform": "newsletter-ses.tf", "cloudformation": "newsletter-ses.json"}
    files = []
    for tool, place in places.items():
        text = provision_kind("ses").templates[tool](session.project.settings, wishes)
        is_folder = place.is_dir() or not (place.suffix or os.path.lexists(place))
        file = place / names[tool] if is_folder else place
        _write(file, text)
        files.append(str(file))
    if session.json:
        session.emit({"files": files})
        return
    for name in files:
        session.console.print(name)
    session.notes.print(
        "Once it is applied, set [transport] kind, [transport.ses] region and configuration_set, "
        "and [events] queue_url and topic_arns in newsletter.toml."
    )


def _write(file: Path, text: str) -> None:
    """Raises UsageError where another text stands there: somebody may have written it."""
    from newsletter.files import make_folder, write_new

    try:
        make_folder(file.absolute().parent)
        write_new(file, text.encode(), follows=True)
    except FileExistsError as error:
        if file.is_file() and file.read_bytes() == text.encode():
            return
        raise UsageError(
            "there is another file of this name",
            where=str(file),
            hint="Remove it, or name another place.",
        ) from error


def _wait(
    session: Session, dns: "Dns", records: "Sequence[DnsRecord]", wait_seconds: int
) -> "list[CheckedRecord]":
    """Raises DnsUnreachable, Stopped when the time is over, and Interrupted where somebody stops
    it."""
    import threading
    import time

    from newsletter.provision.records import RecordState, wait
    from newsletter.stopping import stopping

    stop, seconds = threading.Event(), _FIRST_PAUSE_SECONDS
    until = time.monotonic() + wait_seconds

    def pause() -> bool:
        nonlocal seconds
        left_seconds = until - time.monotonic()
        if left_seconds <= 0 or stop.wait(min(seconds, left_seconds)):
            return True
        seconds = min(2 * seconds, _LONGEST_PAUSE_SECONDS)
        return False

    if wait_seconds:
        notice = f"Waiting up to {wait_seconds} seconds for the DNS; stop with Ctrl-C."
        session.notes.print("", notice, sep="\n")
    with stopping(stop):
        checked = wait(dns, records, lambda one: session.notes.print(_state_line(one)), pause)
    if left := [one for one in checked if one.state is not RecordState.THERE]:
        ended = Interrupted if stop.is_set() else Stopped
        raise ended(
            f"the DNS lacks {len(left)} of {len(records)} records",
            details=[_state_line(one) for one in left],
            hint="Go on waiting with: newsletter setup ses --check-dns",
        )
    session.notes.print("The DNS has all records.")
    return checked


def _state_line(checked: "CheckedRecord") -> str:
    from newsletter.provision.records import RecordState

    record, state = checked.record, checked.state
    found = f": {', '.join(checked.found)}" if state is RecordState.WRONG else ""
    return f"{state:<7} {record.kind:<5} {record.name}{found}"


def _as_json(
    provision: "Provision",
    components: "Sequence[Component]",
    done: bool,
    records: "Sequence[DnsRecord]",
    checked: "Sequence[CheckedRecord]",
    files: Sequence[Path],
) -> dict[str, Any]:
    from newsletter.provision.records import zone_file

    states = {one.record: str(one.state) for one in checked}
    return {
        "place": provision.place,
        "domain": provision.domain,
        "done": done,
        "changes": [
            _change_as_json(component, action)
            for component in components
            for action in component.actions
        ],
        "left_alone": [
            {"component": component.name, "reason": reason}
            for component in components
            for reason in component.left_alone
        ],
        "notes": [
            {"component": component.name, "note": note}
            for component in components
            for note in component.notes
        ],
        "records": [_record_as_json(record, states.get(record)) for record in records],
        "zone_file": zone_file(records),
        "policies": provision.policies(),
        "policy_files": [str(file) for file in files],
        "next_steps": list(provision.next_steps()),
    }


def _change_as_json(component: "Component", action: "Action") -> dict[str, Any]:
    differences = [
        {"attribute": one.attribute, "old": one.old, "new": one.new} for one in action.differences
    ]
    return {"component": component.name, "change": action.text, "differences": differences}


def _record_as_json(record: "DnsRecord", state: str | None) -> dict[str, Any]:
    return {
        "name": record.name,
        "type": record.kind,
        "value": record.value,
        "why": record.why,
        "state": state,
    }
