"""Several workers at one send, of which one after the other dies, and the server with them."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from tests.crash import checker
from tests.crash.checker import Known
from tests.crash.kills import Found, Settlement, settle
from tests.crash.stage import Command, Play, Stage
from tests.waiting import until

_CODES = (0, 4, -signal.SIGTERM)  # the last of one that had hardly begun
_LOOK_SECONDS = 0.05
_LATE = 0.8  # the share of kills that wait for the first delivery of the victim
_SERVER_EVERY = 8  # of so many kills one hits the server


@dataclass(frozen=True, slots=True)
class Tolls:
    """Kills `kills` times, within `seconds` of the first delivery of whom it hits."""

    kills: int
    seconds: float
    seed: int


@dataclass
class Crew:
    """Commands that run at once; whoever is killed is replaced."""

    commands: list[Command]
    replacement: Callable[[], Command]

    def kill(self, victim: Command) -> None:
        victim.kill()
        self.commands[self.commands.index(victim)] = self.replacement()

    @property
    def living(self) -> list[Command]:
        return [each for each in self.commands if not each.is_over]

    def revive(self) -> None:
        """Begin those again that met a server which was down when they began."""
        for command in [each for each in self.commands if each.is_over]:
            if command.json.get("error", {}).get("code") == "store-away":
                self.commands[self.commands.index(command)] = self.replacement()

    def faults(self) -> list[str]:
        """What is wrong with their ends, once they leave."""
        return [
            f"it left with {command.code}: {command.said}"
            for command in self.commands
            if command.code not in _CODES or "Traceback" in command.said
        ]


@contextmanager
def workers(stage: Stage, play: Play) -> Iterator[Crew]:
    """Three of `newsletter worker` on one host, asked to leave at the end."""

    def start() -> Command:
        return stage.start("worker", silent_seconds=2.0)

    crew = Crew([start() for _ in range(3)], start)
    yield crew
    for worker in crew.commands:
        worker.process.send_signal(signal.SIGTERM)


@contextmanager
def hosts(stage: Stage, play: Play) -> Iterator[Crew]:
    """Two commands in the foreground, each on a host of its own: only leases tell who lives."""
    names = (f"host-{number}" for number in count(1))

    def start() -> Command:
        return stage.start(*play.next_command(), host=next(names), lease_seconds=6.0)

    yield Crew([start() for _ in range(2)], start)


CREWS = {"many workers": workers, "two hosts": hosts}


def share_a_send(stage: Stage, name: str, tolls: Tolls) -> Found:
    """Send after send by a crew, until there were enough kills."""
    found, chance = Found(), random.Random(tolls.seed)
    settlements = list(Settlement)
    while found.kills < tolls.kills and not found.faults:
        play = stage.new_play()
        what = f"seed {tolls.seed}, send {found.sends + 1}"
        known = _send(play, name, tolls, chance, found, what)
        if not found.faults:
            settlement = settlements[found.sends % len(settlements)]
            found.check(f"{what}, {settlement}", settle(play, settlement, known))
        found.sends += 1
        found.recipients += play.ledger().recipients
    return found


def _send(
    play: Play, name: str, tolls: Tolls, chance: random.Random, found: Found, what: str
) -> Known:
    """One send to its end; what is known of it then."""
    stage, killed, crashes = play.stage, 0, 0
    per_kill = stage.threads * stage.batch_size
    planned = stage.call(*play.next_command("--detach"))
    assert planned.code == 0, planned.said
    with CREWS[name](stage, play) as crew:
        while not _is_over(play):
            crew.revive()
            if not crew.living:
                break
            if found.kills == tolls.kills or not _lives_on(crew, play, tolls, chance):
                time.sleep(_LOOK_SECONDS)
                continue
            found.kills += 1
            if stage.server is not None and found.kills % _SERVER_EVERY == _SERVER_EVERY // 2:
                crashes += 1
                stage.server.crash()
                stage.server.start()
            else:
                killed += 1
                crew.kill(chance.choice(crew.living))
            sending = checker.sending(stage.url, str(play.send_id))
            found.in_flight += bool(sending)
            if sending > (most := (len(crew.commands) + killed) * per_kill):
                found.check(what, [f"{sending} are in flight at once, {most} may be"])
    found.check(what, crew.faults())
    if not crew.living and not _is_over(play):
        play.finish()
    until(lambda: _is_left(play))
    stage.quieten()
    ledger, known = play.ledger(), Known(put_back=crashes > 0)
    found.check(what, checker.faults_of_kills(ledger, 0, killed * per_kill, known))
    found.check(what, checker.faults_of_the_end(ledger, play.taken(), known))
    found.unknown += ledger.in_doubt
    return known


def _lives_on(crew: Crew, play: Play, tolls: Tolls, chance: random.Random) -> bool:
    """Let the crew work until the moment of a kill; whether the send is not over by then."""
    if chance.random() < _LATE:
        while not any(_has_delivered(each) for each in crew.living):
            if _is_over(play) or not crew.living:
                return False
            time.sleep(_LOOK_SECONDS)
    time.sleep(chance.uniform(0, tolls.seconds))
    return not _is_over(play) and bool(crew.living)


def _has_delivered(command: Command) -> bool:
    return "before the delivery" in command.job.trace.read_text("utf-8")


def _is_left(play: Play) -> bool:
    """Whether nobody takes part any more; the last may have died while the send ended."""
    play.give_up_lost()
    return _is_over(play)


def _is_over(play: Play) -> bool:
    return checker.is_over(play.stage.url, str(play.send_id))
