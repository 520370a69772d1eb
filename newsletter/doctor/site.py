"""Checks of the public pages: whether the links in mails lead to them."""

import datetime as dt
import ipaddress
import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from newsletter.doctor import fetching
from newsletter.doctor.base import Check, CheckGroup, Diagnosis, Examination, Unseen, fail, ok, warn
from newsletter.doctor.fetching import FetchedPage
from newsletter.errors import ConfigurationError
from newsletter.links import Links, PersonalLink, load_keys
from newsletter.network import IpAddress

_SOON = dt.timedelta(days=14)
_SERVE = "newsletter serve"
_SET = "Set [newsletter] base_url to where the pages are."
_ONE_CLICK = b"List-Unsubscribe=One-Click"
_FORM = "application/x-www-form-urlencoded"
# Whose links change nobody: as in a test mail.
_NOBODY = PersonalLink(0, 0)


def name(exam: Examination) -> Iterator[Diagnosis]:
    """Resolved as the system does, since that is what the other checks of the site use."""
    host = _host(exam)
    addresses = _addresses(exam)
    if not addresses:
        yield fail(f"there is no host {host}", f"{host}. A …: the address of the server. {_SET}")
        return
    private = [one for one in addresses if not exam.surroundings.is_public(one)]
    if private:
        yield fail(f"{host} is {private[0]}, which no reader reaches", _SET)
    else:
        yield ok(f"{host} is {addresses[0]}")


def certificate(exam: Examination) -> Iterator[Diagnosis]:
    parts = urlsplit(exam.settings.newsletter.base_url)
    if parts.scheme != "https":
        yield fail(
            "base_url begins with http://, which one-click unsubscribe does not allow",
            "Set [newsletter] base_url to an address with https://, and give the server a "
            "certificate: docs/web.md.",
        )
        return
    _must_have_host(exam)
    try:
        ends = fetching.certificate_end(_host(exam), parts.port or 443)
    except fetching.NotTrusted as error:
        yield fail(f"its certificate is refused: {error.message}", _renew(exam))
        return
    except fetching.NoPage as error:
        raise Unseen(f"{_host(exam)} does not answer: {error.message}") from error
    left = ends - exam.surroundings.clock()
    found = f"its certificate ends in {left.days} days"
    if left < _SOON:
        yield warn(found, _renew(exam))
    else:
        yield ok(found)


def answers(exam: Examination) -> Iterator[Diagnosis]:
    try:
        page = health(exam)
    except fetching.NoPage as error:
        yield fail(f"it does not answer: {error.message}", _SERVE)
        return
    if page.is_redirect:
        yield fail(
            f"it redirects to {page.headers.get('location', 'nowhere')}",
            "Set [newsletter] base_url to the address without a redirect.",
        )
        return
    status, troubles = _state(page)
    if status == "ok":
        yield ok("the pages are served, and their store answers")
    elif status == "degraded":
        yield warn(f"its side work fails: {', '.join(troubles)}", f"Restart it: {_SERVE}")
    elif status == "failing":
        yield fail("it is up, but its store or its side work is not", f"Restart it: {_SERVE}")
    else:
        yield fail(f"something else answers there, with {page.status}", f"{_SET} Then: {_SERVE}")


def one_click(exam: Examination) -> Iterator[Diagnosis]:
    """As a mailbox provider does it, with a link of nobody: signed by this newsletter's secret."""
    base_url = exam.settings.newsletter.base_url
    try:
        keys = load_keys(exam.project.root)
    except ConfigurationError as error:
        raise Unseen("the secret cannot be read") from error
    try:
        health(exam)
    except fetching.NoPage as error:
        raise Unseen("the site does not answer") from error
    url = Links(base_url, keys).unsubscribe_url(_NOBODY)
    try:
        page = fetching.fetch("POST", url, _ONE_CLICK, _FORM)
    except fetching.NoPage as error:
        yield fail(f"a POST gets no answer: {error.message}", _SERVE)
        return
    if page.status == 200:
        yield ok("a POST to an unsubscribe link is answered at once")
    elif page.is_redirect:
        yield fail(
            f"RFC 8058 forbids that a POST is redirected to {page.headers.get('location', '?')}",
            "Set [newsletter] base_url to the address without a redirect.",
        )
    elif page.status == 404:
        yield fail(
            "the pages do not know the links of this newsletter: their secret is another one",
            "Give `newsletter serve` the same subscribers/secret.key, or NEWSLETTER_SECRET.",
        )
    else:
        yield fail(
            f"a POST to /u/ is answered {page.status}",
            "Let what stands in front pass POST /u/ on, without a login or a check of its own.",
        )


def health(exam: Examination) -> FetchedPage:
    """The answer of /healthz. Raises NoPage; Unseen where TLS or its name comes first."""
    _must_have_host(exam)

    def ask() -> FetchedPage:
        url = f"{exam.settings.newsletter.base_url}/healthz"
        try:
            return fetching.fetch("GET", url)
        except fetching.NotTrusted as error:
            raise Unseen("its certificate is refused") from error

    return exam.fact("health", ask)


def _state(page: FetchedPage) -> tuple[str, list[str]]:
    """What /healthz says, empty where it is not ours."""
    try:
        said = json.loads(page.body)
        return str(said["status"]), sorted(said.get("troubles", {}))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "", []


def _host(exam: Examination) -> str:
    return urlsplit(exam.settings.newsletter.base_url).hostname or ""


def _addresses(exam: Examination) -> list[IpAddress]:
    def resolve() -> list[IpAddress]:
        try:
            infos = socket.getaddrinfo(_host(exam), None, type=socket.SOCK_STREAM)
        except OSError:
            return []
        texts = {str(info[4][0]).partition("%")[0] for info in infos}
        return sorted(map(ipaddress.ip_address, texts), key=str)

    return exam.fact("addresses", resolve)


def _must_have_host(exam: Examination) -> None:
    if not _addresses(exam):
        raise Unseen(f"there is no host {_host(exam)}")


def _renew(exam: Examination) -> str:
    return f"Renew the certificate of {_host(exam)}: certbot renew, or what your server uses."


CHECKS = (
    Check("site-name", CheckGroup.SITE, name, "Links in mails lead to this host for years."),
    Check(
        "tls",
        CheckGroup.SITE,
        certificate,
        "Mailbox providers POST only where TLS proves the host.",
    ),
    Check("site", CheckGroup.SITE, answers, "Readers leave, confirm and read there."),
    Check(
        "one-click",
        CheckGroup.SITE,
        one_click,
        "Gmail and Yahoo require it, and turn mail away where it fails.",
    ),
)
