"""Everything the stand-in can be told when it starts; each field is an option of the command."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Settings:
    log: Path
    port: int = 0
    seed: int = 0
    latency_ms: float = 0.0
    """The answer leaves so long after the request has arrived, been judged and logged."""
    hashes: bool = False
    """Render every mail and log the hashes of subject, HTML and text."""
    keep_content: bool = False
    """Log subject, HTML and text as well."""

    identities: tuple[str, ...] = ("example.com", "news.example.com")
    """Verified domains (with their subdomains) and addresses."""
    unverified_identities: tuple[str, ...] = ()
    """Identities that exist and wait for their verification."""
    configuration_sets: tuple[str, ...] = ("newsletter",)
    """They exist from the start and publish every event."""

    tenants: tuple[str, ...] = ("brand",)
    """They exist, and each has a suppression list of its own."""
    tenant_scope: str = "ACCOUNT"
    """Whose suppression list their mail obeys, where the configuration set does not say."""
    tenant_impact: str = "LOW"
    """Of what is found about their reputation."""
    disabled_tenants: tuple[str, ...] = ()
    """Those of them that may not send."""
    engagement_tracking: bool = False
    """The account tracks opens and clicks: mail whose call says nothing of it is changed."""
    unknown_members: tuple[str, ...] = ()
    """Members of a call that sends which this endpoint is too old to know."""
    denied: tuple[str, ...] = ()
    """Operations that the credentials do not allow."""

    sandbox: bool = False
    """Only verified recipients and the mailbox simulator, 200 a day, 1 a second."""
    sending_enabled: bool = True
    enforcement_status: str = "HEALTHY"
    """SHUTDOWN suspends the account."""
    max_24_hour_send: float = -1.0
    """-1 is no limit. What was sent never grows old here: set `sent_last_24_hours` instead."""
    sent_last_24_hours: int = 0
    """Beside what the log already holds."""
    max_send_rate: float = 100_000.0
    """Recipients a second: a bucket that holds one second's worth."""
    throttle_code: str = "TooManyRequestsException"
    """How a call learns that the bucket is empty; `Throttling` is the other known way."""
    bulk_shortage: str = "entries"
    """`entries`: where rate or quota end within a bulk call, its other entries get a status;
    `call`: the whole call is refused."""
    entry_faults: str = "call"
    """`call`: one bad entry refuses the bulk call; `entry`: it alone gets INVALID_PARAMETER."""

    events_lost: float = 0.0
    """The share of events that never come."""
    events_duplicated: float = 0.0
    """The share of events that come twice."""
    events_shuffled: bool = False
    events_delay_seconds: float = 0.0
    """Each event comes up to so much later."""

    with_parent: bool = False
    """Stop when standard input is closed, that is when the parent is gone."""


def parse(arguments: Sequence[str] | None = None) -> Settings:
    """The settings of a command line; leaves the process on a wrong one, as argparse does."""
    parser = argparse.ArgumentParser(prog="python -m tests.standin", description=__doc__)
    for field in fields(Settings):
        flag = "--" + field.name.replace("_", "-")
        if field.name == "log":
            parser.add_argument(flag, type=Path, required=True)
        elif isinstance(field.default, bool):
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=field.default)
        elif isinstance(field.default, tuple):
            parser.add_argument(flag, nargs="*", default=field.default)
        else:
            parser.add_argument(flag, type=type(field.default), default=field.default)
    values = vars(parser.parse_args(arguments))
    given: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in values.items()}
    return Settings(**given)


def command_line(log: Path, options: dict[str, object]) -> list[str]:
    """The arguments that `parse` reads back as these options."""
    words = ["--log", str(log)]
    for name, value in options.items():
        flag = name.replace("_", "-")
        match value:
            case bool():
                words.append(f"--{flag}" if value else f"--no-{flag}")
            case tuple() | list():
                words += [f"--{flag}", *map(str, value)]
            case _:
                words.append(f"--{flag}={value}")
    return words
