"""SpamAssassin's own rules, without a network, find nothing in our mails to count against them."""

import datetime as dt
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.links import Links
from newsletter.model.address import Address
from newsletter.model.email import Email
from newsletter.model.subscriber import Subscriber
from newsletter.sending.compose import SendContext, compose
from newsletter.transports import mime
from tests.browser.samples import LOOKS, email_of
from tests.unit.render.rendering import MASTHEAD, issue, rendered
from tests.waiting import PATIENCE_SECONDS

READER = Subscriber(1, Address("reader@reader.example"), "Ada")
CONTEXT = SendContext("20260107-abcdef", "issue", 1, "readers", Links(MASTHEAD.base_url, ("key",)))
LETTER = """\
Dear {{ subscriber.name | default("reader") }},

the looms came this week, and the weavers of the valley watched them for an afternoon. They
are slower than people say, and they never tire. I shall write again when the snow is gone.

Until then, with best wishes,

Ada
"""
PICTURES = "".join(
    f"![Cranes over the harbour, {number}](https://pictures.example.com/{number}.jpg)\n\n"
    f"The harbour at {number} in the morning, before the first ferry leaves.\n\n"
    for number in range(1, 13)
)
RECEIVED = (
    "Received: from a1-2.smtp-out.amazonses.com (a1-2.smtp-out.amazonses.com [54.240.1.2])\r\n"
    " by mx.reader.example (Postfix) with ESMTPS id 4ABC; {date}\r\n"
)
# How a mail is handed over makes no difference to what a theme brings.
RAW_ALONE = {f"{name} in {theme}" for name, theme in LOOKS if theme != "digest"}
_NOMINAL = 0.01  # what SpamAssassin gives a rule that only tells


def mails() -> dict[str, bytes]:
    """Samples of each script, a letter and a mail full of pictures, by name: as the outbox writes
    them and SES sends them raw, and as SES hands them over."""
    emails = {
        **{f"{name} in {theme}": email_of(name, theme) for name, theme in LOOKS},
        "letter": rendered(issue(LETTER, title="A letter from the valley")),
        "pictures": rendered(issue(PICTURES, title="Twelve mornings at the harbour")),
    }
    written = {name: composed(email) for name, email in emails.items()}
    received = {
        f"{name}, received": received_now(raw)
        for name, raw in written.items()
        if name not in RAW_ALONE
    }
    return written | received


def broken() -> dict[str, tuple[bytes, str]]:
    """Mails that are made worse on purpose, with the rule that has to see it."""
    letter = rendered(issue(LETTER, title="A letter from the valley"))
    style = '<p style="'
    html = (
        part.replace(style, f"{style}color:#fdfdfd;background-color:#ffffff;")
        if isinstance(part, str)
        else part
        for part in letter.html
    )
    pale = replace(letter, html=tuple(html))
    raw = composed(letter)
    return {
        "pale letters": (composed(pale), "HTML_FONT_LOW_CONTRAST"),
        "no date": (re.sub(rb"\r\nDate: [^\r]*", b"", raw), "MISSING_DATE"),
        "no text part": (raw.replace(b"text/plain", b"text/html"), "MIME_HTML_ONLY"),
    }


def composed(email: Email) -> bytes:
    return mime.compose(compose(email, READER, CONTEXT, 1, 1), dt.datetime.now(dt.UTC))


def received_now(raw: bytes) -> bytes:
    date = dt.datetime.now(dt.UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
    return RECEIVED.format(date=date).encode() + raw


def test_nothing_of_our_mails_scores_and_what_is_broken_does(tmp_path: Path) -> None:
    """One process judges all of them: it takes seconds to start."""
    good = mails()
    bad = broken()

    scores = judged({**good, **{name: raw for name, (raw, _) in bad.items()}}, tmp_path)

    assert {name: scores[name] for name in good if scores[name]} == {}
    assert {name for name, (_, rule) in bad.items() if rule not in scores[name]} == set()


def judged(raw: Mapping[str, bytes], folder: Path) -> dict[str, dict[str, float]]:
    """For each mail the rules that gave it points, or took some, with how many."""
    program = shutil.which("spamassassin")
    if program is None:
        assert os.environ.get("CI") != "true", "CI has to install spamassassin"
        pytest.skip("needs SpamAssassin: apt-get install spamassassin")
    paths = [folder / f"{number}.eml" for number in range(len(raw))]
    for path, content in zip(paths, raw.values(), strict=True):
        path.write_bytes(content)
    done = subprocess.run(
        [
            *(program, "--local", "--nocreate-prefs", "--cf=use_bayes 0"),
            "--cf=add_header all Points _TESTSSCORES(,)_",
            *map(str, paths),
        ],
        env=os.environ | {"HOME": str(folder)},
        capture_output=True,
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    headers = re.findall(
        r"^X-Spam-Points: (.*(?:\r?\n[ \t].*)*)",
        done.stdout.decode("utf-8", "replace"),
        re.MULTILINE,
    )
    return dict(zip(raw, map(_points, headers), strict=True))


def _points(header: str) -> dict[str, float]:
    pairs = re.findall(r"(\w+)=(-?[\d.]+)", "".join(header.split()))
    assert pairs, header
    return {rule: float(points) for rule, points in pairs if abs(float(points)) >= _NOMINAL}
