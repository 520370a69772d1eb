"""SpamAssassin's own rules on the mail of an issue, without a network."""

import datetime as dt
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from newsletter.desk.prepare import Prepared
from newsletter.desk.preview import sample_message
from newsletter.desk.tools.base import failed, missing, program
from newsletter.model.finding import Finding, Severity
from newsletter.project import Project, utc_now
from newsletter.transports import mime

_WHAT = "what filters of spam think"
_WARN_POINTS = 2.0  # of 5, from which most filters sort a mail out
_NOMINAL = 0.05  # what a rule gives that only tells
_SECONDS = 300
# As of a mail that came through a server of ours: without one SpamAssassin takes it for its own.
_RECEIVED = (
    "Received: from mta.sender.example (mta.sender.example [54.240.1.2])\r\n"
    " by mx.reader.example (Postfix) with ESMTPS id 4ABC; {date}\r\n"
)
_OPTIONS = (
    *("--local", "--nocreate-prefs", "--cf=use_bayes 0"),
    "--cf=add_header all Points _TESTSSCORES(,)_",
)
_POINTS = re.compile(r"^X-Spam-Points: (.*(?:\r?\n[ \t].*)*)", re.MULTILINE)


def spam(issues: Sequence[Prepared], project: Project) -> Iterator[Finding]:
    """One process judges all mails: it takes seconds to start."""
    path = program("spamassassin")
    if path is None:
        yield missing(_WHAT, "spamassassin")
        return
    mails = [_mail(issue, project, utc_now()) for issue in issues]
    try:
        judged = _judged(path, mails)
    except (OSError, subprocess.SubprocessError) as error:
        yield failed(_WHAT, f"spamassassin: {error}")
        return
    if len(judged) != len(mails):
        yield failed(_WHAT, "spamassassin did not answer for each mail")
        return
    for issue, points in zip(issues, judged, strict=True):
        yield from _finding(issue, points)


def _mail(issue: Prepared, project: Project, now: dt.datetime) -> bytes:
    received = _RECEIVED.format(date=now.strftime("%a, %d %b %Y %H:%M:%S +0000"))
    return received.encode() + mime.compose(sample_message(issue, project), now)


def _judged(path: str, mails: Sequence[bytes]) -> list[dict[str, float]]:
    with tempfile.TemporaryDirectory(prefix="newsletter-") as folder:
        files = [Path(folder) / f"{number}.eml" for number in range(len(mails))]
        for file, content in zip(files, mails, strict=True):
            file.write_bytes(content)
        done = subprocess.run(  # noqa: S603 -- the program that was found
            [path, *_OPTIONS, *map(str, files)],
            env=os.environ | {"HOME": folder},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_SECONDS,
        )
    return [_read(header) for header in _POINTS.findall(done.stdout.decode("utf-8", "replace"))]


def _read(header: str) -> dict[str, float]:
    pairs = re.findall(r"(\w+)=(-?[\d.]+)", "".join(header.split()))
    return {rule: float(points) for rule, points in pairs if abs(float(points)) >= _NOMINAL}


def _finding(issue: Prepared, points: dict[str, float]) -> Iterator[Finding]:
    against = {rule: given for rule, given in points.items() if given > 0}
    if against:
        total = sum(points.values())
        named = ", ".join(
            f"{rule} {given:g}"
            for rule, given in sorted(against.items(), key=lambda pair: -pair[1])
        )
        yield Finding(
            "spam-points",
            Severity.WARNING if total >= _WARN_POINTS else Severity.INFO,
            issue.digest.position,
            f"SpamAssassin gives the mail {total:.1f} points: {named}",
            "Mend what these rules are named after; most filters sort mails out from 5 points on.",
        )
