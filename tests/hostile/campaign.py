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
from tests.hostile import environments, machines, places, streams  # noqa: F401 -- they are tables
from tests.hostile.commands import COMMANDS, Command
from tests.hostile.guards import Guard
from tests.hostile.judge import (
    Control,
    faults_of_the_answer,
    faults_of_the_files,
    faults_of_the_modes,
    faults_of_the_sends,
    hashes,
)
from tests.hostile.scene import Answer, CannotBeMade, scene_on
from tests.hostile.stage import UNSENT, Stage, built, facts
from tests.hostile.surroundings import SURROUNDINGS, Surrounding
from tests.integration.commandline import fork
from tests.standin.client import StandIn, running

_AT_ONCE = 2
_OTHERS = 12  # each command that does not matter everywhere is played in one of so many


@dataclass(frozen=True, slots=True)
class Played:
    name: str
    code: int | None = None
    faults: Sequence[str] = ()
    skipped: str = ""


class Campaign:
    """A stage from which others are copied, and what each command comes to on it."""

    def __init__(self, folder: Path, ses: StandIn, program: Mapping[str, str]) -> None:
        self._folder = folder
        self._program = program  # the environment by which another program is run
        self._stage = built(folder / "stage")
        self._before = hashes(self._stage)
        self._facts = facts(self._stage)
        self._secret = self._stage.secret.read_text().strip()
        self._ses = ses
        self._controls: dict[str, Control] = {}
        self._making = defaultdict[str, Lock](Lock)

    def play(self, surrounding: Surrounding, command: Command) -> Played:
        """Play one combination."""
        name = _name(surrounding, command)
        control = self._control(command)
        with (
            self._copy() as stage,
            scene_on(stage, command, self._settings(command)) as scene,
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
            try:
                found = list(self._judge(stage, surrounding, command, control, answer))
            except Exception as error:  # noqa: BLE001 -- what cannot be judged is a fault, too
                found = [f"it cannot be judged: {error!r} after {answer.code}"]
        return Played(name, answer.code, found)

    def _judge(
        self,
        stage: Stage,
        surrounding: Surrounding,
        command: Command,
        control: Control,
        answer: Answer,
    ) -> Iterator[str]:
        secret = self._secret
        yield from faults_of_the_answer(answer, command, secret)
        yield from faults_of_the_modes(stage)
        if surrounding.harmless(command) and answer.code != control.code:
            yield f"it leaves with {answer.code}, elsewhere with {control.code}: {_last(answer)}"
        if surrounding.harmless(command) and answer.left_early:
            yield "it does not stay"
        shows_all = surrounding.shows_all or (command.is_data and surrounding.harmless(command))
        if shows_all and control.out is not None and answer.out not in ("", control.out):
            yield "it prints something else"
        log = self._ses.log if command.by_ses else None
        yield from faults_of_the_files(stage, command, self._before, control, "at once")
        if not command.clears:
            yield from faults_of_the_sends(stage, log)
        done = facts(stage)
        if answer.code == 0 == control.code and not command.stays and done != control.facts:
            yield f"it says that it is done, and it is not: {_apart(done, control.facts)}"
        if answer.code != control.code:
            is_resumable = answer.code in (4, 130) or answer.code < 0
            if done not in (self._facts, control.facts) and not is_resumable:
                yield f"it is half done: {_apart(done, control.facts)}"
            yield from self._complete(stage, command, control, log)
        verified = fork(stage.project, "db", "verify")
        if verified.code != 0:
            yield f"the store does not verify: {verified.err}"

    def _complete(
        self, stage: Stage, command: Command, control: Control, log: Path | None
    ) -> Iterator[str]:
        """Once all is kind again: the same command, and where a send was begun, `resume`."""
        settings = self._settings(command)
        with scene_on(stage, command, settings) as scene:
            again = scene.run()
        yield from (f"again: {f}" for f in faults_of_the_answer(again, command, self._secret))
        if again.code not in {control.code, *command.again}:
            yield f"again it leaves with {again.code}: {_last(again)}"
        if command.name.startswith("send ") and again.code == 5:
            send_id = send_of(f"sqlite:///{stage.store}", UNSENT)
            resume = replace(command, typed=f"resume {send_id} --json")
            with scene_on(stage, resume, settings) as scene:
                scene.run()
        done = facts(stage)
        if done != control.facts:
            yield f"again it does not come to the same: {_apart(done, control.facts)}"
        yield from faults_of_the_files(stage, command, self._before, control, "in the end")
        if not command.clears:
            yield from faults_of_the_sends(stage, log)

    def _control(self, command: Command) -> Control:
        with self._making[command.name]:
            if command.name not in self._controls:
                self._controls[command.name] = self._made_control(command)
            return self._controls[command.name]

    def _made_control(self, command: Command) -> Control:
        """Tried twice: what differs is not compared."""
        tries = []
        for _ in range(2):
            with self._copy() as stage, scene_on(stage, command, self._settings(command)) as scene:
                answer = scene.run()
                tries.append((answer, facts(stage), hashes(stage)))
        (first, done, files), (second, _, others) = tries
        if first.code != second.code:
            raise AssertionError(f"{command.name}: {first} and then {second}")
        same = {name: value if others.get(name) == value else None for name, value in files.items()}
        return Control(first.code, done, same, first.out if first.out == second.out else None)

    def _settings(self, command: Command) -> Mapping[str, str]:
        if not command.by_ses:
            return {}
        return {
            **self._ses.settings,
            "AWS_ACCESS_KEY_ID": "AKIAHOSTILE000000000",
            "AWS_SECRET_ACCESS_KEY": "hostile-secret-key",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @contextmanager
    def _copy(self) -> Iterator[Stage]:
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        folder.chmod(0o755)
        try:
            yield self._stage.copied_to(folder)
        finally:
            shutil.rmtree(folder)


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
            is_its_turn = command.matters or (place + number) % _OTHERS == 0 or all_of_them
            if is_its_turn and surrounding.where(command):
                chosen.append((surrounding, command))
    chosen = [pair for pair in chosen if only in _name(*pair)]
    random.Random(seed).shuffle(chosen)
    return chosen[: max(1, round(len(chosen) * share))]


def campaign(share: float, seed: int, only: str) -> int:
    """Play them, two at a time; returns how many faults were found."""
    chosen = combinations(share, seed, only)
    print(
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{len(chosen)} combinations of {len(COMMANDS)} commands and {len(SURROUNDINGS)} "
        "surroundings",
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
        ses = stack.enter_context(running(folder / "ses.jsonl"))
        yield Campaign(folder, ses, program)
