"""Kills at seeded random moments, and how what they leave unknown is settled."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from tests.crash import checker
from tests.crash.checker import Known, Ledger
from tests.crash.stage import Command, Play, Stage


@dataclass
class Found:
    """What a part of the campaign did, and the faults that it found."""

    kills: int = 0
    in_flight: int = 0  # kills of those looked at that left a batch in flight
    sends: int = 0
    recipients: int = 0
    unknown: int = 0
    refused: int = 0  # commands that were told that another sends
    points: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def check(self, what: str, faults: Sequence[str]) -> None:
        self.faults += [f"{what}: {fault}" for fault in faults]


class Settlement(StrEnum):
    """How what is unknown is settled at the end of a send."""

    EVENTS = "events"
    RESEND = "resend"
    ACCEPT = "accept"


_LATE = 0.8  # the share of kills that wait for the first delivery of a run


@dataclass(frozen=True, slots=True)
class Moments:
    """Kills `kills` runs, within `seconds` of their start or of their first delivery; more than
    fit into one send go on into the next."""

    kills: int
    seconds: float
    seed: int
    options: tuple[str, ...] = ()
    batch_size: int = 0  # recipients in flight per thread at most, if not what the transport says


def at_random(stage: Stage, moments: Moments) -> Found:
    """Send after send, killed at random moments and resumed, until there were enough kills."""
    found = Found()
    chance = random.Random(moments.seed)
    settlements = list(Settlement) if stage.standin else [Settlement.RESEND, Settlement.ACCEPT]
    while found.kills < moments.kills and not found.faults:
        play = stage.new_play()
        what = f"seed {moments.seed}, send {found.sends + 1}"
        _send_and_kill(play, moments, chance, found, what)
        if not found.faults:
            settlement = settlements[found.sends % len(settlements)]
            found.check(f"{what}, {settlement}", settle(play, settlement))
        found.sends += 1
        found.recipients += play.ledger().recipients
    return found


def _send_and_kill(
    play: Play, moments: Moments, chance: random.Random, found: Found, what: str
) -> None:
    """One send to its end, or to the first fault."""
    stage, killed = play.stage, 0
    per_kill = stage.threads * (moments.batch_size or stage.batch_size)
    while found.kills < moments.kills:
        command = stage.start(*play.next_command(*moments.options))
        if chance.random() < _LATE:
            command.comes_to("before the delivery")
        if not command.runs_for(chance.uniform(0, moments.seconds)):
            if command.json.get("status") in ("finished", "unresolved"):
                break
            continue
        command.kill()
        killed += 1
        found.kills += 1
        if chance.random() < 0.5 or play.send_id is None:
            continue  # whoever follows does not wait for the dust to settle
        stage.quieten()
        ledger = play.ledger()
        found.in_flight += bool(ledger.numbers("sending"))
        found.check(what, checker.faults(ledger, play.taken(), Known()))
        lost = killed * per_kill + _unanswered(play) * stage.batch_size
        found.check(what, checker.faults_of_kills(ledger, per_kill, lost, Known()))
        if found.faults:
            return
    last = play.finish()
    stage.quieten()
    ledger = play.ledger()
    lost = killed * per_kill + _unanswered(play) * stage.batch_size
    found.check(what, checker.faults_of_kills(ledger, per_kill, lost, Known()))
    found.check(what, checker.faults_of_the_end(ledger, play.taken(), Known()))
    found.check(what, told(last, ledger))
    found.unknown += ledger.in_doubt


def _unanswered(play: Play) -> int:
    standin = play.stage.standin
    return 0 if standin is None else checker.unanswered(standin.log, play.log_from)


def told(command: Command, ledger: Ledger) -> list[str]:
    """What is wrong with the balance that a command printed, against the rows themselves."""
    counted = Counter(row.status for row in ledger.rows)
    parts = ("accepted", "rejected", "skipped", "unknown", "queued")
    shown = {name: command.json.get(name) for name in ("recipients", *parts)}
    expected = {"recipients": ledger.recipients, **{part: counted[part] for part in parts}}
    faults = [] if shown == expected else [f"it told {shown} of {expected}"]
    if command.code != (4 if counted["unknown"] else 0):
        faults.append(f"it left with {command.code}")
    return faults


def settle(play: Play, settlement: Settlement, known: Known | None = None) -> list[str]:
    """Settle what is unknown, to the end; returns the faults found on the way."""
    known = known or Known()
    unknown = play.ledger().numbers("unknown")
    faults: list[str] = []
    match settlement:
        case Settlement.EVENTS:
            play.replay()
            known = replace(known, reported=True)
            faults += checker.faults_of_the_end(play.ledger(), play.taken(), known)
            return faults + _resend(play, known)
        case Settlement.RESEND:
            return _resend(play, known)
        case Settlement.ACCEPT:
            play.stage.call("resolve", str(play.send_id), "--unknown", "accept")
            known = replace(known, decided=unknown)
            return checker.faults_of_the_end(play.ledger(), play.taken(), known)


def _resend(play: Play, known: Known) -> list[str]:
    """Have all that is unknown sent again. After events nobody has it twice: SES told of each."""
    unknown = play.ledger().numbers("unknown")
    if not unknown:
        return []
    before = {mail.delivery for mail in play.taken()}
    play.stage.call("resolve", str(play.send_id), "--unknown", "resend")
    play.finish()
    known = replace(known, resent=known.resent + Counter(unknown))
    faults = checker.faults_of_the_end(play.ledger(), play.taken(), known)
    if known.reported and any(f"{play.send_id}-{number}" in before for number in unknown):
        faults.append("a recipient that SES had told of was mailed again")
    return faults
