"""A newsletter in which all is well, and one that was only just made."""

from newsletter.doctor import CheckVerdict
from tests.integration.doctor.stage import Sickroom

BAD = (CheckVerdict.WARN, CheckVerdict.FAIL)


def test_a_newsletter_in_which_all_is_well_gets_no_warning(room: Sickroom) -> None:
    lines = room.look()

    assert {name: one.diagnosis for name, one in lines.items() if one.verdict in BAD} == {}
    assert len(lines) > 50
