"""A worker: what a process has that can send any of a project's sends."""

import datetime as dt
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from newsletter.config import PolicySettings
from newsletter.links import Links
from newsletter.outage import Outage
from newsletter.sending import canary, processes
from newsletter.sending.core import Notify
from newsletter.sending.pace import Vitals
from newsletter.sending.patience import Patience
from newsletter.store import Store
from newsletter.times import Clock
from newsletter.transports import Transport

_STALE_AFTER = dt.timedelta(hours=PolicySettings().stale_schedule_hours)


@dataclass(frozen=True, slots=True)
class Worker:
    """What it takes to work on any send of a project.

    `stop` asks it to finish what is in flight. `by_person` is set before that where a person at the
    terminal asks: then no worker goes on with the send by itself. `clock` tells the time, `seconds`
    measures.
    """

    store: Store
    transport: Transport
    links: Links
    max_rate: int
    clock: Clock
    stop: threading.Event
    notify: Notify
    threads: int | None = None  # calls at once, at most; None for as many as the transport wants
    backoff_seconds: float = 1.0
    chance: Callable[[], float] = random.random
    stale_after: dt.timedelta = _STALE_AFTER  # a schedule that is later asks a person
    generation: Path | None = None  # see newsletter.sending.generation
    timezone: str = "UTC"  # in which times are shown, and whose days the rule of a segment means
    canary_limits: canary.CanaryLimits = field(default_factory=canary.CanaryLimits)
    refresh: Callable[[], None] = lambda: None  # before each send: who else must not be mailed
    poll_events: Callable[[], None] = lambda: None  # brings in what was reported, if it can
    check_events: Callable[[], None] = lambda: None  # now and then: warns where none come
    # Deletes what a killed run of a send left behind, once nobody takes part in that.
    clear: Callable[[str], None] = lambda send_id: None
    keep_house: Callable[[], None] = lambda: None  # each hour: forgets what is old
    # Archives an old send, if one is due: then another may be.
    archive_one: Callable[[], bool] = lambda: False
    # Mails the report on a send, if one is due: then another may be.
    mail_report: Callable[[], bool] = lambda: False
    name: str = field(default_factory=processes.this_process)
    by_person: threading.Event = field(default_factory=threading.Event)
    seconds: Callable[[], float] = time.monotonic
    vitals: Vitals = field(default_factory=Vitals)
    patience: Patience = field(default_factory=Patience)
    account: Outage = field(default_factory=Outage)  # to learn what it allows
    warned: str = ""  # of the account, before this run
