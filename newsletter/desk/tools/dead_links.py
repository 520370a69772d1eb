"""The links and pictures of an issue, asked for: politely, and at public addresses alone.

A server is asked once a second at most, with HEAD, and with GET where it does not answer that. What
it says is kept for a day, what is doubtful for an hour.
"""

import datetime as dt
import http.client
import math
import socket
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from string import punctuation
from urllib.parse import SplitResult, quote, urldefrag, urlsplit

from newsletter import __version__
from newsletter.desk.prepare import Prepared
from newsletter.desk.tools.addresses import IsAllowed, LinkReply, PrivateAddress, ask
from newsletter.desk.tools.answers import Answer, AnswerKind, keep_answers, kept_answers
from newsletter.desk.tools.hosts import replies_of
from newsletter.lint.visible import quoted
from newsletter.model.finding import Finding, Position, Severity
from newsletter.model.walking import walk
from newsletter.network import is_public, redirected
from newsletter.project import Project, utc_now

ANSWERS = "subscribers/links.json"  # what git ignores
_MOST_REDIRECTS = 5
_MOST_IN_DOUBT = 3  # answers in a row that say nothing; then a server is left alone
_PAUSE_SECONDS = 1.0
_ALL_SECONDS = 180.0
_LEAST_SECONDS = 1.0  # what a request has that begins in time
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({404, 410})
_NOT_FOR_US = "the server would not say"
_NOT_ASKED = f"its server did not say so of {_MOST_IN_DOUBT} links before, and was left alone"


class _Turns:
    """When each server may be asked again, whichever link leads to it."""

    def __init__(self) -> None:
        self._next: dict[str, float] = {}
        self._lock = threading.Lock()

    def wait(self, host: str, pause: Callable[[float], None]) -> None:
        now = time.monotonic()
        with self._lock:
            turn = max(now, self._next.get(host, now))
            self._next[host] = turn + _PAUSE_SECONDS
        if turn > now:
            pause(turn - now)


@dataclass(frozen=True, slots=True)
class Asking:
    """How links are asked for; tests on this machine allow its own address, and do not wait."""

    is_allowed: IsAllowed = is_public
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], dt.datetime] = utc_now
    all_seconds: float = _ALL_SECONDS
    turns: _Turns = field(default_factory=_Turns)


def dead_links(
    issues: Sequence[Prepared], project: Project, asking: Asking | None = None
) -> Iterator[Finding]:
    """What is wrong with each address, wherever it stands. Raises NewsletterError where the
    answers cannot be kept."""
    asking = asking or Asking()
    path, now = project.root / ANSWERS, asking.clock()
    places = _places(issues, project)
    answers = {url: kept for url, kept in kept_answers(path, now).items() if url in places}
    agent = f"newsletter-lint/{__version__} (+{project.settings.newsletter.base_url})"
    new: dict[str, Answer] = {}
    try:
        new.update(_answers(places.keys() - answers.keys(), agent, asking))
    finally:  # what was answered before Ctrl-C is not asked for again
        if new:
            new = _believed(new)
            keep_answers(path, new, now)
    answers |= new
    for url, where in places.items():
        answer = answers.get(url, Answer(AnswerKind.UNKNOWN, "there was no time to ask"))
        for place in where:
            yield from _findings(url, answer, place)


def _places(issues: Iterable[Prepared], project: Project) -> Mapping[str, list[Position]]:
    """Where each address stands, without its fragment; pictures that are published with the issue
    left out."""
    places: dict[str, list[Position]] = defaultdict(list)
    for issue in issues:
        nodes = [
            (url, node.position)
            for node in walk(issue.digest)
            if isinstance(url := getattr(node, "url", None), str)
        ]
        cover = issue.digest.meta.cover
        for url, place in [(cover or "", issue.digest.place_of("cover")), *nodes]:
            if url.startswith(("http://", "https://")) and not url.startswith(
                project.settings.pictures_url
            ):
                bare = urldefrag(url).url
                if place not in places[bare]:
                    places[bare].append(place)
    return places


def _answers(urls: Iterable[str], agent: str, asking: Asking) -> Iterator[tuple[str, Answer]]:
    """What each address answers; those of a server are asked one after the other."""
    by_host: dict[str, list[str]] = defaultdict(list)
    for url in sorted(urls):
        parts = _split(url)
        by_host[_host(parts) if parts else ""].append(url)
    until = time.monotonic() + asking.all_seconds

    def of_host(of_one: Sequence[str]) -> Iterator[tuple[str, Answer]]:
        in_doubt = 0
        for url in of_one:
            if time.monotonic() > until:
                return
            if in_doubt >= _MOST_IN_DOUBT:
                yield url, Answer(AnswerKind.UNKNOWN, _NOT_ASKED)
                continue
            answer = answer_of(url, agent, asking, until)
            in_doubt = in_doubt + 1 if answer.verdict is AnswerKind.UNKNOWN else 0
            yield url, answer

    yield from replies_of(by_host.values(), of_host, asking.all_seconds)


def _believed(answers: Mapping[str, Answer]) -> dict[str, Answer]:
    """The answers, unless no host at all has one: then it is the network that is away."""
    if all(answer.verdict is AnswerKind.NO_HOST for answer in answers.values()):
        away = Answer(AnswerKind.UNKNOWN, "no name of a host can be resolved")
        return dict.fromkeys(answers, away)
    return dict(answers)


def answer_of(url: str, agent: str, asking: Asking, until: float = math.inf) -> Answer:
    """What an address answers, through its redirects; nothing is waited for after `until`."""
    at = url
    for number in range(_MOST_REDIRECTS + 1):
        if number and time.monotonic() > until:
            return Answer(AnswerKind.UNKNOWN, "there was no time to follow its redirects")
        parts = _split(at)
        if parts is None:
            return Answer(
                AnswerKind.DEAD, f"it leads to {quoted(at)}, which is no address of the web"
            )
        try:
            reply = _asked(parts, agent, asking, until)
        except PrivateAddress as error:
            return Answer(AnswerKind.DEAD, f"no reader reaches it: {error}")
        except socket.gaierror as error:
            if error.errno == socket.EAI_NONAME:
                return Answer(AnswerKind.NO_HOST, f"there is no host {parts.hostname}")
            return Answer(AnswerKind.UNKNOWN, f"its name was not resolved: {error.strerror}")
        except ssl.SSLCertVerificationError as error:
            return Answer(AnswerKind.DEAD, f"its certificate is refused: {error.verify_message}")
        except (OSError, ValueError, http.client.HTTPException) as error:
            return Answer(AnswerKind.UNKNOWN, f"it did not answer: {error or type(error).__name__}")
        if reply.status in _REDIRECTS and reply.location:
            at = redirected(at, _quoted_location(reply.location))
            continue
        return _judged(url, at, reply.status)
    return Answer(AnswerKind.DEAD, f"it is redirected more than {_MOST_REDIRECTS} times")


def _asked(parts: SplitResult, agent: str, asking: Asking, until: float) -> LinkReply:
    """The answer to HEAD, or to GET of a server that does not know HEAD."""
    asking.turns.wait(_host(parts), asking.pause)
    seconds = max(_LEAST_SECONDS, until - time.monotonic())
    try:
        reply = ask("HEAD", parts, agent, asking.is_allowed, seconds)
    except (ConnectionError, http.client.HTTPException):
        reply = LinkReply(405, "")
    if reply.status < 400 or reply.status == 429:
        return reply
    asking.turns.wait(_host(parts), asking.pause)
    seconds = max(_LEAST_SECONDS, until - time.monotonic())
    return ask("GET", parts, agent, asking.is_allowed, seconds)


def _host(parts: SplitResult) -> str:
    """Whom a request burdens: one server, however its name is written and on whatever port."""
    return (parts.hostname or "").rstrip(".")


def _judged(url: str, at: str, status: int) -> Answer:
    if status in _GONE:
        return Answer(AnswerKind.DEAD, f"it answers {status}")
    if status >= 400 or status < 200:
        return Answer(AnswerKind.UNKNOWN, f"{_NOT_FOR_US}: it answers {status}")
    return Answer(AnswerKind.ALIVE) if at == url else Answer(AnswerKind.MOVED, at)


def _quoted_location(written: str) -> str:
    """Where a redirect leads, in ASCII: servers write letters and spaces as they are."""
    octets = written.encode("latin-1", "replace")  # as http.client has read them
    return quote(octets, safe=punctuation)


def _split(url: str) -> SplitResult | None:
    """The parts of a web address; None of anything else."""
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if is_web and url.isascii() and " " not in url else None


def _findings(url: str, answer: Answer, place: Position) -> Iterator[Finding]:
    shown = quoted(url)
    match answer.verdict:
        case AnswerKind.DEAD | AnswerKind.NO_HOST:
            message, fix = f"{shown} is dead: {answer.detail}", "Find where it went, or remove it."
            yield Finding("dead-link", Severity.WARNING, place, message, fix)
        case AnswerKind.MOVED:
            message = f"{shown} leads to {quoted(answer.detail)}"
            yield Finding("moved-link", Severity.INFO, place, message, f"Write {answer.detail}.")
        case AnswerKind.UNKNOWN:
            message = f"nobody can tell whether {shown} works: {answer.detail}"
            yield Finding("unknown-link", Severity.INFO, place, message, "Open it in a browser.")
        case AnswerKind.ALIVE:
            pass
