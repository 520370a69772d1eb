"""A machine that vanishes closes no connection: those at its other end have to notice."""

import signal
from dataclasses import replace
from functools import partial

import pytest

from tests.crash import checker
from tests.crash.checker import Known
from tests.crash.stage import Play, Stage, falls_asleep
from tests.faults.conftest import RECIPIENTS
from tests.integration.server import DATABASE, USER, Server
from tests.networks import own_network
from tests.proxy import Proxy, listen, proxied
from tests.waiting import until

pytestmark = pytest.mark.postgresql

QUICK = "tcp_user_timeout=1000&keepalives_idle=1&keepalives_interval=1&keepalives_count=1"


def test_a_worker_whose_packets_vanish_notices_and_goes_on_when_they_come_through(
    server: Server, stage: Stage
) -> None:
    """By default within half a lease; here the URL says sooner."""
    url = f"postgresql://{USER}@/{DATABASE}?host={server.data}&port={server.port}"
    outbox = {"NEWSLETTER_TRANSPORT__KIND": "outbox"}
    with own_network() as network, proxied(url, partial(network.inside, listen)) as proxy:
        near = replace(stage, environment=stage.environment | outbox, standin=None, kind="outbox")
        play = near.new_play()
        far = near.by_way_of(f"{proxy.url}?{QUICK}")
        worker = far.start(
            *play.next_command(),
            network=network,
            at=("after the delivery in sending.core._deliver", 2),
            signal=signal.SIGSTOP,
        )
        falls_asleep(worker)
        network.lose_all()
        worker.stir()
        worker.says("Waiting for it")
        network.work()
        code = worker.code

    assert code == 0, worker.said
    assert "The store is back." in worker.said
    ledger, taken = play.ledger(), play.taken()
    assert checker.faults_of_the_end(ledger, taken, Known(put_back=True)) == []
    assert len(taken) == RECIPIENTS


def test_a_worker_that_sleeps_in_a_transaction_holds_the_others_up_for_a_moment_only(
    stage: Stage, play: Play
) -> None:
    """It has the row of the send, which all others want. The server ends its transaction."""
    limited = f"{stage.url}?options=-c%20idle_in_transaction_session_timeout%3D500ms"
    sleeper = stage.by_way_of(limited).start(
        *play.next_command(),
        host="one",
        at=("before the commit in sending.core._claim", 2),
        signal=signal.SIGSTOP,
    )
    falls_asleep(sleeper)

    others = [stage.start(*play.next_command(), host=f"other-{number}") for number in range(2)]
    until(lambda: len(play.taken()) >= RECIPIENTS - 2)
    sleeper.stir()

    assert [command.code for command in (*others, sleeper)] == [0, 0, 0], sleeper.said
    assert "The store is back." in sleeper.said
    assert checker.faults_of_the_end(play.ledger(), play.taken(), Known(put_back=True)) == []


def test_a_worker_cut_off_for_longer_than_its_lease_records_its_own_and_claims_no_more(
    stage: Stage, play: Play, proxy: Proxy
) -> None:
    far = stage.by_way_of(proxy.url).start(
        *play.next_command(),
        host="far",
        lease_seconds=1.0,
        at=("after the delivery in sending.core._deliver", 2),
        signal=signal.SIGSTOP,
    )
    falls_asleep(far)
    proxy.drop()
    far.stir()
    near = stage.call(*play.next_command(), host="near", lease_seconds=1.0)
    [cut_off] = {batch.epoch for batch in play.ledger().batches if "far/" in batch.worker}
    unknown = play.ledger().numbers("unknown")

    proxy.pass_on()
    code = far.code

    assert (near.code, near.json["unknown"]) == (4, 2)
    assert code == 0, far.said
    ledger, taken = play.ledger(), play.taken()
    assert checker.faults_of_the_end(ledger, taken, Known()) == []
    assert len(taken) == len(ledger.numbers("accepted")) == RECIPIENTS
    of_its_own = [batch for batch in ledger.batches if batch.epoch == cut_off]
    assert unknown == {row.number for row in ledger.rows if row.batch == of_its_own[-1].id}
    assert len(of_its_own) == 2
