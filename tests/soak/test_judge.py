"""What the judges of a soak see in series that were made for it."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.soak.judge import (
    Episode,
    faults_of_growth,
    faults_of_idleness,
    faults_of_lines,
    faults_of_notes,
    faults_of_sizes,
)
from tests.soak.meter import Line, Reading, Sizes

SECONDS = 1200.0
STORE_AWAY = Episode("the store was restarted", 400.0, 430.0)


def series(
    files: Callable[[float], float] = lambda at: 20,
    threads: Callable[[float], float] = lambda at: 8,
    memory_mb: Callable[[float], float] = lambda at: 100,
    seconds: float = SECONDS,
) -> list[Reading]:
    """A process that holds so much at each moment, with the noise of a pool and of an allocator;
    in its first quarter it grows to that."""
    chance = random.Random(1)
    readings = []
    for number in range(400):
        at = seconds * number / 400
        young = min(1.0, 4 * at / seconds)
        sockets = int(files(at) * young + chance.choice((0, 0, 0, 1, 2, 5)))
        memory = memory_mb(at) * (0.5 + young / 2) + chance.gauss(0, 0.5)
        readings.append(
            Reading(
                at,
                1,
                {"socket": sockets, "newsletter.db": 3},
                int(threads(at) * young) + chance.choice((0, 1)),
                int(memory * 1024),
            )
        )
    return readings


def test_a_process_that_grows_to_its_size_in_its_first_quarter_is_flat() -> None:
    assert faults_of_growth("serve", series(), SECONDS) == []


@pytest.mark.parametrize(
    ("grown", "words"),
    [
        (series(files=lambda at: 20 + at / 60), "open files grew from"),
        (series(threads=lambda at: 8 + at / 60), "open threads grew from"),
        (series(memory_mb=lambda at: 100 + at / 40), "memory grew from"),
    ],
    ids=["a file a minute", "a thread a minute", "1.5 MB a minute"],
)
def test_what_grows_slowly_is_seen(grown: list[Reading], words: str) -> None:
    [fault] = faults_of_growth("serve", grown, SECONDS)

    assert fault.startswith(f"serve: {words}")


def test_the_kind_of_file_that_grew_is_named() -> None:
    [fault] = faults_of_growth("serve", series(files=lambda at: 20 + at / 60), SECONDS)

    assert "socket +" in fault
    assert "newsletter.db" not in fault


@pytest.mark.parametrize(("more", "faults"), [(5, 0), (20, 1)])
def test_as_many_connections_to_a_file_as_threads_ever_needed_are_no_leak(
    more: int, faults: int
) -> None:
    later = [
        replace(one, handles={**one.handles, "newsletter.db": 3 + more * (one.at > 1000)})
        for one in series()
    ]

    assert len(faults_of_growth("worker", later, SECONDS)) == faults


def test_a_burst_of_files_in_the_last_quarter_is_seen_though_it_passes() -> None:
    burst = series(files=lambda at: 60 if 1000 < at < 1010 else 20)

    assert "at most" in faults_of_growth("serve", burst, SECONDS)[0]


def test_memory_that_comes_and_goes_in_each_quarter_is_flat() -> None:
    saw = series(memory_mb=lambda at: 100 + at % 300 / 30)

    assert faults_of_growth("serve", saw, SECONDS) == []


def test_a_short_run_allows_what_a_young_process_still_loads() -> None:
    young = series(memory_mb=lambda at: 60 + 3 * at, seconds=12.0)
    leaking = series(memory_mb=lambda at: 60 + 20 * at, seconds=12.0)

    assert faults_of_growth("worker", young, 12.0) == []
    assert len(faults_of_growth("worker", leaking, 12.0)) == 1


def test_a_process_that_was_started_again_is_not_taken_for_flat() -> None:
    readings = series()
    other = [Reading(one.at, 2, one.handles, one.threads, one.memory_kb) for one in readings[200:]]

    [fault] = faults_of_growth("serve", readings[:200] + other, SECONDS)

    assert fault == "serve: it was started again"


def test_one_that_was_not_measured_is_a_fault() -> None:
    assert faults_of_growth("serve", [], SECONDS) == ["serve: it was not measured"]


def test_a_note_for_each_try_is_seen_whatever_its_numbers() -> None:
    told_once = [Line(401.0, "worker", "The store is away. Waiting."), Line(431.0, "worker", "OK")]
    each_try = [
        Line(400.0 + 3 * n, "worker", f"No answer of 10.0.0.{n}; trying again in {n} seconds")
        for n in range(9)
    ]

    assert faults_of_notes(told_once, [STORE_AWAY], SECONDS) == []
    [fault] = faults_of_notes(told_once + each_try, [STORE_AWAY], SECONDS)
    assert fault.startswith("worker: 9 times while the store was restarted: No answer of #")


def test_the_log_of_work_is_no_note() -> None:
    work = [
        Line(400.0 + n, "serve", f"2026-01-07T08:00:{n:02}Z INFO newsletter.web request route=/")
        for n in range(40)
    ]

    assert faults_of_notes(work, [STORE_AWAY], SECONDS) == []


def test_more_lines_than_work_are_seen_and_so_is_a_traceback() -> None:
    lines = [Line(n / 100, "worker", f"line {n}") for n in range(3000)]

    assert faults_of_lines(lines, work=300, minutes=1) == []
    assert len(faults_of_lines(lines, work=100, minutes=1)) == 1
    trace = Line(1.0, "serve", "Traceback (most recent call last):")
    assert faults_of_lines([trace], work=100, minutes=1) == ["serve: a traceback"]


def test_a_line_for_each_look_is_seen_once_there_is_nothing_to_do() -> None:
    lines = [Line(1200.0 + n, "worker", "look") for n in range(10)]

    assert faults_of_idleness(lines, since=1220.0) == []
    [fault] = faults_of_idleness(lines, since=1200.0)
    assert lines[-1].text in fault


def test_a_log_of_the_store_without_a_bound_is_seen() -> None:
    usual = [Sizes(float(n), 10_000_000, 4_200_000, 15_000_000, 0) for n in range(10)]

    assert faults_of_sizes(usual) == []
    assert len(faults_of_sizes([*usual, Sizes(11.0, 0, 100_000_000, 0, 0)])) == 1
    assert len(faults_of_sizes([*usual, Sizes(11.0, 0, 0, 0, 100_000_000)])) == 1
