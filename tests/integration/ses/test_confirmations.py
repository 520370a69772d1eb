"""The mails of the web pages go through SES as all others do."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from newsletter.store.schema import requests
from newsletter.web.mailer import Mailer
from tests.integration.ses.stage import Stage
from tests.integration.web.stage import open_stage


@pytest.mark.parametrize("mode", ["bulk", "raw"])
def test_a_confirmation_leaves_through_ses(quick: Stage, tmp_path: Path, mode: str) -> None:
    web = open_stage(quick.store, tmp_path)
    web.mailer = Mailer(web.site, quick.ses(mode), web.mailer.stop)
    web.subscribe("new@example.com")

    assert web.mailer.drain()

    assert quick.mailed("confirm") == {"new@example.com": 1}
    [mail] = quick.accepted("confirm")
    assert (mail["open_tracking"], mail["click_tracking"]) == ("DISABLED", "DISABLED")
    with quick.store.read() as connection:
        assert connection.execute(sa.select(requests.c.state)).scalar_one() == "mailed"
