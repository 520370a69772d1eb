"""What is kept of a link that a reader followed names nobody."""

import pytest

from newsletter.feedback.followed import SealedLinks
from newsletter.model.email import Email, MergeField, Place

EMAIL = Email(
    *("x", "", "en", (), ()),
    html=(
        '<a href="https://example.com/looms?a=1&amp;b=2">x</a> <a class="b" href="',
        MergeField("unsubscribe_url", Place.URL),
        '"> <a href="https://survey.example/?who=',
        MergeField("subscriber.email", Place.URL_PART),
        '"> <a href="',
        MergeField("preferences_url", Place.URL),
        '">',
    ),
    text=(),
)


@pytest.mark.parametrize(
    ("followed", "link"),
    [
        ("https://example.com/looms?a=1&b=2", "https://example.com/looms?a=1&b=2"),
        ("https://news.example.com/u/1-2-3.abc_d", "{{unsubscribe_url}}"),
        ("https://news.example.com/n/preferences/1.abc", "{{preferences_url}}"),
        (
            "https://survey.example/?who=ada%40example.com",
            "https://survey.example/?who={{subscriber.email}}",
        ),
        ("https://example.com/ada@example.com", "other"),
        ("javascript:alert(1)", "other"),
        ("", "other"),
        (f"https://survey.example/?who={'x' * 2_000}", "other"),  # longer than any mail has it
    ],
)
def test_a_link_is_kept_as_it_was_sealed(followed: str, link: str) -> None:
    assert SealedLinks(EMAIL).find(followed) == link
