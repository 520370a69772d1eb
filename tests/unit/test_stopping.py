"""Signals that ask to stop are never lost, at whatever moment they come."""

import subprocess
import sys

from tests.signals import ordinary_signals
from tests.waiting import PATIENCE_SECONDS

BEGIN = """
import signal, sys, threading
from newsletter.stopping import stopping

stop, by_person = threading.Event(), threading.Event()
"""

# The main thread is stopped where it has the lock of the event, and not let go of it yet.
AS_IT_BEGINS_TO_WAIT = """
def strike(frame, event, argument):
    if frame.f_code is threading.Condition.wait.__code__:
        sys.settrace(None)
        signal.raise_signal(signal.SIGINT)

with stopping(stop, by_person) as came:
    sys.settrace(strike)
    stop.wait()
print(came, by_person.is_set())
"""

TWICE = """
with stopping(stop, by_person) as came:
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    threading.Event().wait()
"""

AFTERWARDS = """
with stopping(stop, by_person) as came:
    pass
assert threading.active_count() == 1
signal.raise_signal(signal.SIGTERM)
"""


def run(script: str) -> subprocess.CompletedProcess[str]:
    with ordinary_signals():
        return subprocess.run(
            [sys.executable, "-c", BEGIN + script],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )


def test_a_signal_as_the_main_thread_begins_to_wait_is_not_lost() -> None:
    """Its handler cannot set the event then: it would wait for the thread that it interrupts."""
    done = run(AS_IT_BEGINS_TO_WAIT)

    assert (done.returncode, done.stdout) == (0, "[2] True\n")


def test_a_second_signal_ends_the_process_at_once() -> None:
    assert run(TWICE).returncode == 130


def test_what_was_before_is_afterwards() -> None:
    assert run(AFTERWARDS).returncode == -15
