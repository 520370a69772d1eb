"""What does not work for a while is told once."""

from newsletter.trouble import Trouble


def test_each_cause_is_news_once_until_all_works_again() -> None:
    trouble = Trouble()

    first = [trouble.is_news(line) for line in ("away", "away", "refused", "away")]
    passed = [trouble.pass_over(), trouble.pass_over()]

    assert first == [True, False, True, False]
    assert passed == [True, False]
    assert trouble.is_news("away")
