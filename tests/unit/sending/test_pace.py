"""When a send that goes wrong stops by itself."""

import pytest

from newsletter.model.send import Accepted, Rejected
from newsletter.sending.pace import Tally

ACCEPTED, REJECTED = Accepted("m"), Rejected("bad address")


@pytest.mark.parametrize("accepted_before", [0, 1, 1000])
def test_twenty_rejections_in_a_row_stop_a_send_whatever_was_before(accepted_before: int) -> None:
    tally = Tally()
    tally.count([ACCEPTED] * accepted_before)

    said = [tally.count([REJECTED]) for _ in range(20)]

    assert not any(said[:19])
    assert said[19].endswith("were rejected: bad address")


def test_one_accepted_among_them_says_that_it_is_about_addresses() -> None:
    tally = Tally()
    tally.count([ACCEPTED] * 1000)

    said = [tally.count([outcome]) for outcome in ([REJECTED] * 19 + [ACCEPTED]) * 10]

    assert not any(said)
