"""Encryption by a passphrase is that of `age`, as others wrote it too."""

import base64
import io
import os

import pyrage
import pytest

from newsletter.safekeeping import passphrase as passphrases

PIECE = 64 * 1024
WORDS = "correct hörse"
BY_PYRAGE = (
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCB3WDZqSWpLUDlhOU1ucDJoL0cxK3hnIDE2CitzS0F3"
    "NkRDREhDckxtcTZRb2EzdkZuZWo3Tk9NNFFWejByZ3BhVml6QlkKLS0tIEJ4NTZsLzhhTDFWakk3dFV2dC9s"
    "ZzVvWWFZNGdzRnlJb2p2S1E5bmtlMzgKB9cYP8m906XdLK5a0n9uamE1dgaRVdr53uPqxUPmbZx+mgH9CmPM"
    "jIMajF6ZleE4InViMfWrw/ZHPQ=="
)


def encrypted(content: bytes) -> bytes:
    target = io.BytesIO()
    passphrases.encrypt(io.BytesIO(content), target, WORDS)
    return target.getvalue()


def decrypted(content: bytes, words: str = WORDS) -> bytes:
    target = io.BytesIO()
    passphrases.decrypt(io.BytesIO(content), target, words)
    return target.getvalue()


def test_what_is_written_here_is_read_by_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passphrases, "_WORK", 4)
    content = os.urandom(2 * PIECE)

    assert pyrage.passphrase.decrypt(encrypted(content), WORDS) == content


def test_what_others_wrote_is_read_here() -> None:
    assert decrypted(base64.b64decode(BY_PYRAGE)) == b"what another program wrote"


def test_whatever_was_cut_off_or_altered_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passphrases, "_WORK", 4)  # quick, and as strong as a test needs
    for size in (0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE):
        whole = encrypted(os.urandom(size))
        assert len(decrypted(whole)) == size

    for end in (0, 21, 60, 150, 160, 180, PIECE + 200, len(whole) - 1, len(whole) - PIECE - 16):
        with pytest.raises(passphrases.Unopened):
            decrypted(whole[:end])
    for place in (3, 40, 60, 100, 150, 180, PIECE, len(whole) - 1):
        with pytest.raises(passphrases.Unopened):
            decrypted(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    with pytest.raises(passphrases.Unopened):
        decrypted(whole, "wrong")


def test_a_file_cannot_make_it_use_a_machine_up() -> None:
    """Who wrote it says how much work and memory its passphrase takes."""
    start, _, rest = base64.b64decode(BY_PYRAGE).partition(b" 16\n")

    with pytest.raises(passphrases.Unopened):
        decrypted(start + b" 30\n" + rest)
