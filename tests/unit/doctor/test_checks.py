"""Checks have stable ids, and docs/doctor.md has each of them with its reason, and no other."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from newsletter.cli.doctor import _GROUPS
from newsletter.config import TransportSettings
from newsletter.config.tables import keys, read_table
from newsletter.doctor import COMMON, CheckGroup, live
from newsletter.doctor.base import Check
from newsletter.doctor.rules import CHECKS, RULES
from newsletter.doctor.transports import bedside_of

PAGE = Path(__file__).parents[3] / "docs" / "doctor.md"


def all_checks() -> Iterator[Check]:
    yield from COMMON
    for kind in get_args(keys(TransportSettings)["kind"].type):
        yield from bedside_of(read_table(TransportSettings, {"kind": kind})).checks
    yield from live.CHECKS


def test_each_check_has_an_id_of_its_own_in_small_letters() -> None:
    ids = [check.id for check in (*all_checks(), *CHECKS)]

    assert [name for name, times in Counter(ids).items() if times > 1] == []
    assert [name for name in ids if not re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", name)] == []


def test_each_check_is_documented_with_its_reason_in_the_order_of_its_group() -> None:
    text = PAGE.read_text("utf-8")
    documented = re.findall(r"^\| `([\w-]+)` \| ([^|]+) \|$", text, re.MULTILINE)
    order = list(CheckGroup)
    checks = sorted(all_checks(), key=lambda check: order.index(check.group))

    assert documented == [(check.id, check.why) for check in checks]


def test_each_rule_is_documented_with_what_it_stands_on() -> None:
    text = PAGE.read_text("utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| ([^|]+) \| ([^|]+) \|$", text, re.MULTILINE)

    assert rows == [
        (rule.id, rule.asks, ", ".join(f"`{name}`" for name in rule.stands_on)) for rule in RULES
    ]


def test_each_rule_stands_on_checks_that_there_are() -> None:
    ids = {check.id for check in all_checks()}

    assert {name for rule in RULES for name in rule.stands_on} <= ids


def test_the_command_knows_every_group() -> None:
    assert list(CheckGroup) == [*_GROUPS, CheckGroup.LIVE]
