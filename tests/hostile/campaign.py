"""Playing combinations of a command and a surrounding, two at a time."""

import datetime as dt
import os
import platform
import random
import shutil
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from types import MappingProxyType

from tests.crash.checker import send_of
from tests.hostile import (  # noqa: F401 -- they are tables
    clouds,
    databases,
    environments,
    machines,
    places,
    streams,
)
from tests.hostile.backing import SECRETS, Backing, Servers
from tests.hostile.commands import COMMANDS, Command, words
from tests.hostile.guards import Guard
from tests.hostile.judge import (
    Control,
    faults_of_the_answer,
    faults_of_the_files,
    faults_of_the_modes,
    faults_of_the_sends,
    faults_of_what_it_prints,
    hashes,
)
from tests.hostile.scene import Answer, CannotBeMade, scene_on
from tests.hostile.stage import UNSENT, Stage, built, facts, moved_to
from tests.hostile.surroundings import SURROUNDINGS, Surrounding
from tests.integration.commandline import fork

_AT_ONCE = 3  # some wait most of the time


@dataclass(frozen=True, slots=True)
class Played:
    name: str
    code: int | None = None
    faults: Sequence[str] = ()
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where one command is played: its stage, its servers, and what was there before."""

    stage: Stage
    backing: Backing
    files: Mapping[str, str]
    facts: Mapping[str, object]

    @property
    def log(self) -> Path | None:
        """What SES took, if it takes the mails."""
        return None if self.backing.ses is None else self.backing.ses.log

    def facts_now(self) -> dict[str, object]:
        return facts(self.stage) | self.backing.facts()

    def run(self, command: Command) -> Answer:
        """Run a command where all is kind."""
        with scene_on(self.stage, command, self.backing) as scene:
            return scene.run()


class Campaign:
    """A stage from which others are copied, and what each command comes to on it."""

    def __init__(self, folder: Path, servers: Servers, program: Mapping[str, str]) -> None:
        self._folder = folder
        self._servers = servers
        self._program = program  # the environment by which another program is run
        self._stage = built(folder / "stage")
        self._on_postgresql: Stage | None = None
        self._moving = Lock()
        self._secrets = (self._stage.secret.read_text().strip(), *SECRETS)
        self._controls: dict[str, Control] = {}
        self._making = defaultdict[str, Lock](Lock)

    def play(self, surrounding: Surrounding, command: Command) -> Played:
        """Play one combination."""
        name = _name(surrounding, command)
        try:
            control = self._control(command)
        except CannotBeMade as error:
            return Played(name, skipped=str(error))
        with (
            self._ground(command) as ground,
            scene_on(ground.stage, command, ground.backing) as scene,
            scene.kept,
        ):
            scene.environment.update(self._program)
            try:
                with surrounding.change(scene):
                    answer = scene.run()
            except CannotBeMade as error:
                return Played(name, skipped=str(error))
            except AssertionError as error:
                return Played(name, faults=[str(error)])
            except Exception as error:  # noqa: BLE001 -- it must not end the campaign
                return Played(name, faults=[f"the surrounding failed: {error!r}"])
            try:
                found = list(self._judge(ground, surrounding, command, control, answer))
            except Exception as error:  # noqa: BLE001 -- what cannot be judged is a fault, too
                found = [f"it cannot be judged: {error!r} after {answer.code}"]
        return Played(name, answer.code, found)

    def _judge(
        self,
        ground: Ground,
        surrounding: Surrounding,
        command: Command,
        control: Control,
        answer: Answer,
    ) -> Iterator[str]:
        stage = ground.stage
        yield from faults_of_the_answer(answer, command, self._secrets)
        yield from faults_of_the_modes(stage)
        if surrounding.harmless(command) and answer.code != control.code:
            yield f"it leaves with {answer.code}, elsewhere with {control.code}: {_last(answer)}"
        if surrounding.harmless(command) and answer.left_early:
            yield "it does not stay"
        shows_all = surrounding.shows_all or (command.is_data and surrounding.harmless(command))
        if shows_all and control.out is not None and answer.out:
            yield from faults_of_what_it_prints(answer.out, control.out)
        yield from faults_of_the_files(stage, command, ground.files, control, "at once")
        if not command.clears:
            yield from faults_of_the_sends(stage, ground.log)
        done = ground.facts_now()
        if answer.code == 0 == control.code and not command.stays and done != control.facts:
            yield f"it says that it is done, and it is not: {_apart(done, control.facts)}"
        if answer.code != control.code:
            is_resumable = answer.code in (4, 130) or answer.code < 0 or "worker" in command.typed
            if done not in (ground.facts, control.facts) and not is_resumable:
                yield f"it is half done: {_apart(done, control.facts)}"
            yield from self._complete(ground, command, control)
        verified = fork(stage.project, "db", "verify", environment=ground.backing.environment)
        if verified.code != 0:
            yield f"the store does not verify: {verified.err}"

    def _complete(self, ground: Ground, command: Command, control: Control) -> Iterator[str]:
        """Once all is kind again: the same command, and where a send was begun, `resume`."""
        again = ground.run(command)
        yield from (f"again: {f}" for f in faults_of_the_answer(again, command, self._secrets))
        if again.code not in {control.code, *command.again}:
            yield f"again it leaves with {again.code}: {_last(again)}"
        done = ground.facts_now()
        if command.is_a_send and done != control.facts:
            done = self._finished(ground, command)
        if done != control.facts:
            yield f"again it does not come to the same: {_apart(done, control.facts)}"
        yield from faults_of_the_files(ground.stage, command, ground.files, control, "in the end")
        if not command.clears:
            yield from faults_of_the_sends(ground.stage, ground.log)

    def _finished(self, ground: Ground, command: Command) -> dict[str, object]:
        """Go on with a send that was stopped; what is then there, without what asking SES adds.

        What nobody knows of is sent again, as a person may decide: the log and the outbox show
        whether that was right.
        """
        send_id = send_of(ground.stage.url, UNSENT)
        resume = replace(command, typed=f"resume {send_id} --json")
        resumed = ground.run(resume)
        done = ground.facts_now()
        if resumed.code == 4:
            if command.by_ses:
                ground.run(replace(command, typed=f"resolve {send_id} --ask-ses --yes"))
            ground.run(replace(command, typed=f"resolve {send_id} --unknown resend --yes"))
            ground.run(resume)
            done = ground.facts_now() | {"events": done["events"]}
        return done

    def _control(self, command: Command) -> Control:
        with self._making[command.name]:
            if command.name not in self._controls:
                self._controls[command.name] = self._made_control(command)
            return self._controls[command.name]

    def _made_control(self, command: Command) -> Control:
        """Tried twice: what differs is not compared."""
        tries = []
        for _ in range(2):
            with self._ground(command) as ground:
                answer = ground.run(command)
                tries.append((answer, ground.facts_now(), hashes(ground.stage)))
        (first, done, files), (second, _, others) = tries
        if first.code != second.code:
            raise AssertionError(f"{command.name}: {first} and then {second}")
        same = {name: value if others.get(name) == value else None for name, value in files.items()}
        return Control(first.code, done, same, first.out if first.out == second.out else None)

    @contextmanager
    def _ground(self, command: Command) -> Iterator[Ground]:
        """All that a command is played on, after the calls that come before it."""
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        folder.chmod(0o755)
        try:
            copy = self._original(command).copied_to(folder)
            with self._servers.lent(command, copy) as (stage, backing):
                for typed in command.first:
                    _make_ready(typed, command, stage, backing)
                yield Ground(stage, backing, hashes(stage), facts(stage) | backing.facts())
        finally:
            shutil.rmtree(folder)

    def _original(self, command: Command) -> Stage:
        if not command.servers & {"postgresql", "spare"}:
            return self._stage
        with self._moving:
            if self._on_postgresql is None:
                with self._servers.first_postgresql() as server:
                    folder, url = self._folder / "moved", server.url()
                    self._on_postgresql = moved_to(self._stage, folder, url, server.binaries)
                    self._servers.keep(server)
        return self._on_postgresql if command.on_postgresql else self._stage


def _make_ready(typed: str, command: Command, stage: Stage, backing: Backing) -> None:
    if "$unanswered" in command.typed:
        assert backing.ses is not None
        backing.ses.configure(reset_after=1)
    arguments = words(typed, stage)
    done = fork(stage.project, *arguments, environment=backing.environment)
    assert done.code in (0, 4), (arguments, done.err)


def _apart(found: Mapping[str, object], wanted: Mapping[str, object]) -> str:
    return "; ".join(
        f"{name}: {found.get(name)} and not {wanted[name]}"[:300]
        for name in wanted
        if found.get(name) != wanted[name]
    )


def _last(answer: Answer) -> str:
    lines = [line.strip() for line in (answer.err or answer.out).splitlines() if line.strip()]
    return " / ".join(lines[-2:])[:300]


def _name(surrounding: Surrounding, command: Command) -> str:
    return f"{command.name} · {surrounding.name}"


def combinations(
    share: float, seed: int, only: str, *, all_of_them: bool = False
) -> list[tuple[Surrounding, Command]]:
    """Which are played: what matters everywhere, other commands in turn; a share of that."""
    chosen = []
    for place, surrounding in enumerate(SURROUNDINGS):
        for number, command in enumerate(COMMANDS):
            is_its_turn = all_of_them or (place + number) % _one_of(surrounding, command) == 0
            if is_its_turn and surrounding.where(command):
                chosen.append((surrounding, command))
    chosen = [pair for pair in chosen if only in _name(*pair)]
    random.Random(seed).shuffle(chosen)
    return chosen[: max(1, round(len(chosen) * share))]


def _one_of(surrounding: Surrounding, command: Command) -> int:
    """In how many surroundings a command is played once."""
    if surrounding.kind == "aws":
        return 4 if "aws" in command.servers else 1
    if command.on_postgresql and not surrounding.kind:
        return 72
    if command.matters:
        return 1
    return 12 if surrounding.kind else 24


def listed(share: float, seed: int, only: str) -> None:
    """Print what would be played, and how much it is."""
    chosen = combinations(share, seed, only)
    for pair in chosen:
        print(_name(*pair))
    print(_amount(chosen))


def _amount(chosen: Sequence[tuple[Surrounding, Command]]) -> str:
    return (
        f"{len(chosen)} combinations of {len(COMMANDS)} commands and {len(SURROUNDINGS)} "
        "surroundings"
    )


def campaign(share: float, seed: int, only: str) -> int:
    """Play them, two at a time; returns how many faults were found."""
    chosen = combinations(share, seed, only)
    print(
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{_amount(chosen)}",
        flush=True,
    )
    started = time.monotonic()
    played = []
    with begun() as stage, ThreadPoolExecutor(_AT_ONCE) as pool:
        for one in pool.map(lambda pair: stage.play(*pair), chosen):
            played.append(one)
            for fault in one.faults:
                print(f"{one.name}\n    {fault}", flush=True)
            if len(played) % 100 == 0:
                print(f"{len(played)} after {time.monotonic() - started:,.0f} s", flush=True)
    skipped = Counter(one.skipped for one in played if one.skipped)
    for reason, times in skipped.most_common():
        print(f"{times:>5} skipped: {reason}")
    codes = Counter(one.code for one in played if not one.skipped)
    faults = sum(len(one.faults) for one in played)
    print(
        f"\n{len(played) - skipped.total()} combinations, {skipped.total()} skipped; exit codes "
        f"{dict(sorted(codes.items(), key=str))}; {faults} faults; "
        f"{time.monotonic() - started:,.0f} s"
    )
    return faults


def without(guard: Guard) -> int:
    """Take a guard out; returns how many faults the combination found that must see it."""
    print(f"without: {guard.what}", flush=True)
    pairs = combinations(1, 0, guard.seen, all_of_them=True)
    [pair] = [(where, what) for where, what in pairs if guard.seen == _name(where, what)]
    with tempfile.TemporaryDirectory(prefix="newsletter-hostile-without-") as folder:
        Path(folder).chmod(0o755)
        guard.take_out(Path(folder))
        with begun({"PYTHONPATH": folder}) as stage:
            played = stage.play(*pair)
    for fault in [*played.faults, *filter(None, [played.skipped])]:
        print(f"    {fault}", flush=True)
    return len(played.faults)


@contextmanager
def begun(program: Mapping[str, str] = MappingProxyType({})) -> Iterator[Campaign]:
    """A campaign that can be played; `program` is the environment that runs another program."""
    with ExitStack() as stack:
        place = tempfile.TemporaryDirectory(prefix="newsletter-hostile-")
        folder = Path(stack.enter_context(place))
        folder.chmod(0o755)
        yield Campaign(folder, Servers(stack, folder), program)
