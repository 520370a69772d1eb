"""What SES would refuse is refused here, without the address in the reason."""

import pytest

from newsletter.model.email import Message
from newsletter.transports.ses import limits
from tests.unit.transports.test_mime import MESSAGE

HEADER = ("X-One", "1")
ALL_CHARACTERS = "".join(map(chr, range(ord("!"), ord("~") + 1))).replace(":", "")


def fault(**parts: object) -> str:
    message: Message = MESSAGE._replace(**{"headers": (), **parts})  # type: ignore[arg-type]
    [found] = limits.faults([message])
    assert "reader@example.com" not in found
    return found


@pytest.mark.parametrize(
    "headers",
    [
        (HEADER,) * 15,
        (("X" * 126, "v"),),
        (("X", "v" * 995),),
        ((ALL_CHARACTERS, "v"),),
        (("X-Space", "a b ~!"),),
    ],
)
def test_headers_at_the_limit_pass(headers: tuple[tuple[str, str], ...]) -> None:
    assert fault(headers=headers) == ""


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ((HEADER,) * 16, "more than 15 headers"),
        ((("X" * 127, "v"),), "not a header name"),
        ((("", "v"),), "not a header name"),
        ((("X:", "v"),), "not a header name"),
        ((("X Y", "v"),), "not a header name"),
        ((("Ü", "v"),), "not a header name"),
        ((("X", ""),), "not ASCII of at most 995"),
        ((("X", "v" * 996),), "not ASCII of at most 995"),
        ((("XX", "v" * 995),), "not ASCII of at most 995"),
        ((("X", "ü"),), "not ASCII of at most 995"),
        ((("X", "a\r\nBcc: b@example.org"),), "not ASCII of at most 995"),
        ((("X", "a\n"),), "not ASCII of at most 995"),
    ],
)
def test_headers_beyond_the_limit_do_not(headers: tuple[tuple[str, str], ...], reason: str) -> None:
    assert reason in fault(headers=headers)


@pytest.mark.parametrize("tag", [("send", "a-B_9"), ("x" * 256, "y" * 256)])
def test_tags_of_letters_digits_and_dashes_pass(tag: tuple[str, str]) -> None:
    assert fault(tags=(tag,)) == ""


@pytest.mark.parametrize(
    "tag",
    [
        ("send", ""),
        ("", "x"),
        ("x" * 257, "y"),
        ("x", "y" * 257),
        ("a.b", "c"),
        ("a", "b@c"),
        ("a", "b\n"),
        ("a", "ü"),
        ("a", "b c"),
    ],
)
def test_any_other_tag_does_not(tag: tuple[str, str]) -> None:
    assert "letters, digits" in fault(tags=(tag,))


def test_half_a_character_does_not() -> None:
    assert fault(values={"subscriber.name": "a\udc00"}) == "a merge field holds half a character"
    assert fault(values={"subscriber.name": "a\U0001f600"}) == ""
