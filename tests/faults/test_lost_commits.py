"""The connection is lost at a commit, so that nobody knows whether it was kept."""

import pytest

from tests.crash import checker
from tests.crash.checker import Known
from tests.crash.stage import LIST, Play, Stage
from tests.faults.conftest import RECIPIENTS
from tests.faults.leaving import click, have_left, leave_paths, serving
from tests.proxy import Proxy

pytestmark = pytest.mark.postgresql

ARRIVES = pytest.mark.parametrize("arrives", [False, True], ids=["lost", "answer-lost"])
# What is said in a transaction of each step.
STEPS = {
    "claim": (b"INSERT INTO batches", 2),
    "record": (b"UPDATE batches", 2),
    "take": (b"INSERT INTO tenures", 2),
    "settle": (b"DELETE FROM tenures", 1),
}


def ends_well(play: Play) -> None:
    ledger, taken = play.ledger(), play.taken()
    assert checker.faults_of_the_end(ledger, taken, Known(put_back=True)) == []
    assert len(taken) == len(ledger.numbers("accepted")) == RECIPIENTS


@ARRIVES
def test_a_send_whose_plan_may_have_been_kept_is_sent_again_or_resumed(
    stage: Stage, play: Play, proxy: Proxy, arrives: bool
) -> None:
    proxy.cut(arrives=arrives, words=b"INSERT INTO sends")

    lost = stage.by_way_of(proxy.url).call(*play.next_command())
    stage.quieten()
    is_planned = play.send_id is not None
    again = stage.call("send", play.slug, "--list", LIST, "--yes")
    play.finish()

    assert proxy.has_cut
    assert lost.code == 1
    assert lost.json["error"]["code"] == "store-away"
    assert is_planned == arrives
    assert again.code == (5 if arrives else 0)
    assert f"newsletter resume {play.send_id}" in again.said or not arrives
    ends_well(play)


@ARRIVES
@pytest.mark.parametrize("step", STEPS)
def test_a_send_whose_commit_may_have_been_kept_goes_on(
    stage: Stage, play: Play, proxy: Proxy, step: str, arrives: bool
) -> None:
    words, number = STEPS[step]
    proxy.cut(number, arrives=arrives, words=words)

    sent = stage.by_way_of(proxy.url).call(*play.next_command())

    assert proxy.has_cut
    assert sent.code == 0, sent.said
    assert "The store is back." in sent.said
    ends_well(play)


@ARRIVES
def test_a_click_whose_commit_may_have_been_kept_is_not_confirmed_and_may_be_repeated(
    stage: Stage, proxy: Proxy, arrives: bool
) -> None:
    paths = leave_paths(stage, f"clicks-{arrives}".lower())
    reader, path = next(iter(paths.items()))

    with serving(stage.by_way_of(proxy.url)) as url:
        proxy.cut(arrives=arrives, words=b"INSERT INTO consents")
        first, kept = click(url + path), have_left(stage, f"clicks-{arrives}".lower())
        again = click(url + path)

    assert (first, again) == (503, 200)
    assert kept == ({reader} if arrives else set())
    assert have_left(stage, f"clicks-{arrives}".lower()) == {reader}


@ARRIVES
def test_an_import_whose_commit_may_have_been_kept_may_be_repeated(
    stage: Stage, proxy: Proxy, arrives: bool
) -> None:
    name = f"import-{arrives}".lower()
    command = ("subscribers", "import", "readers.csv", "--list", name)
    proxy.cut(arrives=arrives, words=b"INSERT INTO imports")

    lost, again = stage.by_way_of(proxy.url).call(*command), stage.call(*command)

    assert lost.json["error"]["code"] == "store-away"
    assert again.code == 0
    assert again.json["added"] == (0 if arrives else RECIPIENTS)
