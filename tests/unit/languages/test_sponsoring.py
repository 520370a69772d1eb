"""Words for what somebody paid for."""

import pytest

from newsletter.languages import is_sponsor, words
from newsletter.languages.words import available


@pytest.mark.parametrize("language", available().values())
def test_the_mark_of_a_sponsor_is_such_a_word(language: str) -> None:
    """Who names a block as mails mark it gets it marked."""
    mark = words(language, "mail")["sponsor"]

    assert is_sponsor(mark)
    assert is_sponsor(f" {mark.upper()} ")
