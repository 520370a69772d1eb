"""What the settings switch on is what a send notes."""

import pytest

from newsletter.config.settings import SesSettings
from newsletter.transports.base import Tracks
from newsletter.transports.memory import Memory
from newsletter.transports.ses.transport import Ses


@pytest.mark.parametrize(("opens", "clicks"), [(False, False), (True, False), (False, True)])
def test_a_send_knows_what_is_tracked(opens: bool, clicks: bool) -> None:
    settings = SesSettings(region="eu-west-1", open_tracking=opens, click_tracking=clicks)
    ses = Ses(settings)

    assert isinstance(ses, Tracks)
    assert (ses.tracks_opens, ses.tracks_clicks) == (opens, clicks)
    assert not isinstance(Memory(), Tracks)
