"""Signed links: what opens a reader's page, and what does not."""

import hashlib
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous.signer import HMACAlgorithm, Signer

from newsletter.errors import ConfigurationError
from newsletter.links import Links, PersonalLink, Purpose, load_keys, make_keys

OLD, NEW, FOREIGN = "old-key-of-last-year", "new-key-of-this-year", "the-key-of-somebody-else"
LINKS = Links("https://news.example.com", (NEW, OLD))
READER = PersonalLink(7, 3, 0xABCDEF, "20260107-ab12cd", 4711)


def token(url: str) -> str:
    return url.rpartition("/")[2]


def test_a_link_names_its_subscriber_and_list() -> None:
    url = LINKS.unsubscribe_url(READER)

    assert url.startswith("https://news.example.com/u/")
    assert LINKS.read_personal(Purpose.UNSUBSCRIBE, token(url)) == READER


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=16, max_size=200).filter(
        lambda key: len(key.strip()) >= 16
    ),
    st.tuples(*[st.integers(0, 2**63 - 1)] * 3).map(lambda numbers: PersonalLink(*numbers)),
)
def test_a_token_is_the_one_that_itsdangerous_makes(key: str, link: PersonalLink) -> None:
    """Links of older versions, which it signed, go on to work."""
    made = token(Links("https://news.example.com", (key,)).unsubscribe_url(link))

    sha256 = HMACAlgorithm(hashlib.sha256)
    signer = Signer(key, salt="newsletter.u", key_derivation="hmac", algorithm=sha256)
    assert made == signer.sign(link.text).decode()


def test_a_token_serves_one_purpose_only() -> None:
    """A preferences token unsubscribes nobody, and the other way round."""
    assert LINKS.read_personal(Purpose.PREFERENCES, token(LINKS.unsubscribe_url(READER))) is None
    assert LINKS.read_personal(Purpose.UNSUBSCRIBE, token(LINKS.preferences_url(READER))) is None


def test_links_of_an_older_key_still_work_and_new_ones_use_the_newest() -> None:
    old = Links("https://news.example.com", (OLD,)).unsubscribe_url(READER)

    assert LINKS.read_personal(Purpose.UNSUBSCRIBE, token(old)) == READER
    assert LINKS.unsubscribe_url(READER) != old
    assert Links("", (NEW,)).read_personal(
        Purpose.UNSUBSCRIBE, token(LINKS.unsubscribe_url(READER))
    )


def test_a_link_says_which_delivery_brought_it_where_there_is_one() -> None:
    without = PersonalLink(7, 3, 12)

    url = LINKS.preferences_url(without)

    assert LINKS.read_personal(Purpose.PREFERENCES, token(url)) == without
    assert "20260107" not in url


@pytest.mark.parametrize(
    ("purpose", "signature"),
    [
        (Purpose.UNSUBSCRIBE, "OyIwks82N3gookKfq_eHBgN_-DUDv_Q7WiZt1iXY13A"),
        (Purpose.PREFERENCES, "-d7ksti7cYoSdpiBr_mfS98kGoZQA6O5ncARUmnIEEw"),
    ],
)
def test_links_from_before_schema_0005_are_read_for_ever(purpose: Purpose, signature: str) -> None:
    """Their two numbers were JSON in base64; they count as links of a reader without a key."""
    assert LINKS.read_personal(purpose, f"WzcsM10.{signature}") == PersonalLink(7, 3, 0)


def test_a_confirmation_from_before_schema_0005_is_still_read() -> None:
    assert LINKS.read_numbers(
        Purpose.CONFIRM, "WzcsM10.moHd7a38aTOiAA4nPx8ZbwvBEEZN7rXkA3-Qi3Lj5Hg"
    ) == (7, 3)


@pytest.mark.parametrize("purpose", [Purpose.CONFIRM, Purpose.PERSONAL, Purpose.UNDO])
def test_the_link_of_a_request_serves_one_purpose_only(purpose: Purpose) -> None:
    made = token(LINKS.confirm_url(purpose, 4711, 3))

    read = {each: LINKS.read_numbers(each, made) for each in Purpose}

    assert read == {each: (4711, 3) if each is purpose else None for each in Purpose}


def test_a_foreign_key_opens_nothing() -> None:
    foreign = Links("https://news.example.com", (FOREIGN,)).unsubscribe_url(READER)

    assert LINKS.read_personal(Purpose.UNSUBSCRIBE, token(foreign)) is None


@given(st.integers(0, 100), st.characters(codec="ascii"))
def test_a_changed_token_opens_nothing(index: int, character: str) -> None:
    """Every position counts; only a token's own text opens its page."""
    good = token(LINKS.unsubscribe_url(READER))
    index %= len(good)
    changed = good[:index] + character + good[index + 1 :]

    assert changed == good or LINKS.read_personal(Purpose.UNSUBSCRIBE, changed) is None


def test_only_one_spelling_of_a_token_opens_anything() -> None:
    """The last letter of base64 carries bits that decoding drops."""
    good = token(LINKS.unsubscribe_url(READER))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    read = [
        letter for letter in letters if LINKS.read_personal(Purpose.UNSUBSCRIBE, good[:-1] + letter)
    ]

    assert read == [good[-1]]


@pytest.mark.parametrize("extra", ["=", "==", ".", " ", "\n", "\0", "A", "é"])
def test_nothing_may_follow_or_precede_a_token(extra: str) -> None:
    good = token(LINKS.unsubscribe_url(READER))

    assert LINKS.read_personal(Purpose.UNSUBSCRIBE, good + extra) is None
    assert LINKS.read_personal(Purpose.UNSUBSCRIBE, extra + good) is None


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    assert LINKS.read_personal(Purpose.UNSUBSCRIBE, text) is None


def test_an_erased_address_leaves_only_a_keyed_hash() -> None:
    first, second = LINKS.address_hashes("reader@example.com")

    assert "reader" not in first
    assert first != second
    assert Links("", (NEW,)).address_hashes("reader@example.com") == (first,)


def test_a_key_file_is_private_and_is_never_overwritten(tmp_path: Path) -> None:
    path = make_keys(tmp_path)
    first = load_keys(tmp_path, {})
    make_keys(tmp_path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_keys(tmp_path, {}) == first


def test_the_environment_gives_keys_newest_first(tmp_path: Path) -> None:
    assert load_keys(tmp_path, {"NEWSLETTER_SECRET": f"{NEW}, {OLD}"}) == (NEW, OLD)


def test_a_missing_or_short_secret_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no signing secret"):
        load_keys(tmp_path, {})
    with pytest.raises(ConfigurationError, match="at least 16"):
        load_keys(tmp_path, {"NEWSLETTER_SECRET": "short"})


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "  \r\n", ""])
def test_a_key_file_reads_the_same_whatever_editor_saved_it(
    start: str, end: str, tmp_path: Path
) -> None:
    """A byte order mark as part of the key would end every link that was mailed before."""
    file = make_keys(tmp_path)
    file.write_bytes((start + NEW + (end or "\n") + OLD + end).encode())

    assert load_keys(tmp_path, {}) == (NEW, OLD)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda file: (file.unlink(), file.mkdir()), "Is a directory"),
        (
            lambda file: (file.unlink(), file.symlink_to("nowhere")),
            "it is a link to a file that is missing",
        ),
        (lambda file: file.write_text(NEW, "utf-16"), "it is not UTF-8"),
        (lambda file: (file.unlink(), file.symlink_to(file)), "Too many levels of symbolic links"),
        (lambda file: (file.unlink(), file.parent.rmdir(), file.parent.touch()), "Not a directory"),
    ],
)
def test_a_key_file_that_cannot_be_read_is_not_called_missing(
    spoil: Callable[[Path], object], reason: str, tmp_path: Path
) -> None:
    """A new one, as for a new newsletter, would end the links in old mails."""
    spoil(make_keys(tmp_path))

    with pytest.raises(ConfigurationError) as caught:
        load_keys(tmp_path, {})

    assert caught.value.message == f"the signing secret cannot be read: {reason}"
    assert caught.value.hint.startswith("Bring back its file.")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user here")
def test_a_key_file_of_another_user_is_named_as_such(tmp_path: Path) -> None:
    file = make_keys(tmp_path)
    for folder in (tmp_path, *tmp_path.parents[:3], file.parent):
        folder.chmod(0o755)
    code = f"""
import os
from pathlib import Path
from newsletter.errors import ConfigurationError
from newsletter.links import load_keys
os.setuid(65534)
try:
    load_keys(Path({str(tmp_path)!r}), {{}})
except ConfigurationError as error:
    print(error.message)
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "the signing secret cannot be read: Permission denied\n"


@pytest.mark.parametrize("name", ["a>b", "a,b", "a b", "ä", "a/../b", "a?b#c", 'a"'])
def test_a_list_name_that_is_none_is_encoded_in_a_link(name: str) -> None:
    url = LINKS.subscribe_url(name)

    assert re.fullmatch(r"https://news\.example\.com/subscribe/[A-Za-z0-9%._~-]+", url)
