"""The studio speaks English and Chinese, and says the same in both."""

import re
from importlib.resources import files

import pytest

from newsletter.desk.standing import Stage
from newsletter.model.audit import DeedKind
from newsletter.model.finding import Severity
from newsletter.model.send import SendStatus, Wait
from newsletter.model.subscriber import SuppressionReason
from newsletter.studio.live import ADVICE
from newsletter.studio.pages import LANGUAGES, words, words_for

STUDIO = files("newsletter.studio")
CODE = "\n".join(
    path.read_text("utf-8")
    for folder in ("templates", "static")
    for path in STUDIO.joinpath(folder).iterdir()
    if path.name.endswith((".html", ".js"))
)
USED = set(re.findall(r"\b(?:t|words)\.(\w+)", CODE)) - {"language"}
USED |= {f"stage_{stage}" for stage in Stage} | set(Severity)
USED |= {f"status_{status}" for status in SendStatus} | {f"wait_{wait}" for wait in Wait}
USED |= {f"advice_{advice}" for advice in ADVICE}
for kind in ("accepted", "rejected", "unknown"):
    USED |= {kind, f"test_{kind}"}
USED |= {f"reason_{reason}" for reason in SuppressionReason}
USED |= {f"allow_{reason}" for reason in SuppressionReason}
USED |= {f"deed_{kind}" for kind in DeedKind}
USED |= {"recipients", "queued", "skipped", "delivered", "bounced", "complained", "unsubscribed"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_that_is_used_is_there_and_no_other(language: str) -> None:
    assert set(words(language)) - {"language"} == USED


def test_no_word_has_a_name_that_templates_take_for_a_method() -> None:
    assert not USED & set(dir(dict))


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("de, zh-TW;q=0.7, en;q=0.3", "zh"),
        ("fr-FR", "en"),
        ("EN-gb", "en"),
        (";;,,=", "en"),
    ],
)
def test_a_browser_gets_the_first_of_its_languages_that_there_is(
    accepted: str, language: str
) -> None:
    assert words_for(accepted)["language"] == language
