"""One request to a web server, as a mail program or a reader's provider would make it."""

import datetime as dt
import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from newsletter import __version__
from newsletter.errors import NewsletterError
from newsletter.network import response_until

_SECONDS = 10.0
_BYTES = 256 * 1024
_AGENT = f"newsletter-doctor/{__version__}"


class NoPage(NewsletterError):
    """Nothing answered; the message says why."""

    code = "no-page"


class NotTrusted(NoPage):
    """The certificate does not prove that the server is the one that was meant."""

    code = "not-trusted"


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """An answer; names of headers are in small letters. No redirect was followed."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def date(self) -> dt.datetime | None:
        """When the server says it is."""
        return date_of(self.headers.get("date", ""))

    @property
    def is_redirect(self) -> bool:
        return self.status in (301, 302, 303, 307, 308)


def fetch(method: str, url: str, body: bytes = b"", kind: str = "") -> FetchedPage:
    """The answer to one request. Raises NoPage, and NotTrusted for what TLS refuses."""
    parts = urlsplit(url)
    host, until = parts.hostname or "", time.monotonic() + _SECONDS
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(host, parts.port, timeout=_SECONDS)
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=_SECONDS)
    connection.response_class = response_until(until, _SECONDS)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        headers = {"User-Agent": _AGENT, **({"Content-Type": kind} if kind else {})}
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        content = response.read(_BYTES)
    except ssl.SSLCertVerificationError as error:
        raise NotTrusted(error.verify_message) from error
    except socket.gaierror as error:
        raise NoPage(f"there is no host {host}") from error
    except (OSError, http.client.HTTPException) as error:
        raise NoPage(_reason(error)) from error
    finally:
        connection.close()
    named = {name.lower(): value for name, value in response.getheaders()}
    return FetchedPage(response.status, named, content)


def certificate_end(host: str, port: int) -> dt.datetime:
    """When the certificate of a server ends that is trusted now. Raises NoPage and NotTrusted."""
    context = ssl.create_default_context()
    try:
        with (
            socket.create_connection((host, port), _SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            certificate = secure.getpeercert()
    except ssl.SSLCertVerificationError as error:
        raise NotTrusted(error.verify_message) from error
    except OSError as error:
        raise NoPage(_reason(error)) from error
    assert certificate is not None
    seconds = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def date_of(header: str) -> dt.datetime | None:
    """The moment of a Date header, None where it holds none."""
    try:
        return parsedate_to_datetime(header).astimezone(dt.UTC)
    except (TypeError, ValueError):
        return None


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {_SECONDS:.0f} seconds"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
