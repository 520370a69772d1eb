"""The certificates that SNS signs with: fetched once each, from SNS alone, and bounded.

A stranger can name as many certificates of SNS as there are hexadecimal numbers. So nothing pushes
out a certificate that has proven a message of ours, and fetches are made apart from requests: they
only delay the client who named a certificate that is not there, and no message whose certificate is
at hand.
"""

import asyncio
import datetime as dt
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import urllib3
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from urllib3.exceptions import HTTPError

from newsletter.feedback.base import NotNow
from newsletter.supervising import heed
from newsletter.times import Clock

MAX_BYTES = 64 * 1024
_SECONDS = 5
_PATIENCE_SECONDS = 10  # of one who waits for a fetch
_KEPT = 16  # of those that have proven nothing yet
_AT_ONCE = 4
_WAITING = 32
_FETCHES = 60  # in all, and
_FETCHES_OF_ONE = 5  # of one client
_IN = dt.timedelta(minutes=1)


class NoCertificate(NotNow):
    """A certificate is not available now, so its message can be neither believed nor refused."""

    code = "no-certificate"


class NotFetched(NoCertificate):
    """A certificate is not at hand yet; `url` is where it stands."""

    def __init__(self, url: str) -> None:
        super().__init__("the certificate was not fetched yet")
        self.url = url


class Certificates:
    """The keys of certificates by URL. `fetch` gets the content of a URL, or raises NoCertificate.

    It must only be asked about URLs of SNS, since it fetches whatever it is asked about.
    """

    def __init__(self, fetch: Callable[[str], bytes], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._trusted: dict[str, x509.Certificate] = {}
        self._others: dict[str, x509.Certificate] = {}
        self._pool = ThreadPoolExecutor(_AT_ONCE, "certificates")
        self._lock = threading.Lock()
        self._under_way: dict[str, Future[None]] = {}
        self._begun: deque[tuple[dt.datetime, str]] = deque(maxlen=_FETCHES)

    def key_of(self, url: str) -> RSAPublicKey:
        """The key of a certificate that is at hand and valid now. Raises NotFetched where it has to
        be fetched first, else NoCertificate."""
        with self._lock:
            certificate = self._trusted.get(url) or self._others.get(url)
        if certificate is None:
            raise NotFetched(url)
        if not certificate.not_valid_before_utc <= self._clock() <= certificate.not_valid_after_utc:
            raise NoCertificate("the certificate is not valid now")
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey):
            raise NoCertificate("the certificate has no RSA key")
        return key

    def trust(self, url: str) -> None:
        """Keep a certificate for good: it has proven a message."""
        with self._lock:
            if (certificate := self._others.pop(url, None)) is not None:
                self._trusted[url] = certificate

    async def fetch(self, url: str, client: str) -> None:
        """Fetch a certificate for a client, or wait for the fetch that is under way already.

        Raises NoCertificate where it cannot be had, or too many were asked for.
        """
        with self._lock:
            if url in self._trusted or url in self._others:
                return  # it came since it was asked for
            fetching = self._under_way.get(url)
            if fetching is None:
                self._count(client)
                fetching = self._under_way[url] = self._pool.submit(self._take, url)
        fetched = asyncio.wrap_future(fetching)
        fetched.add_done_callback(heed)
        try:
            await asyncio.wait_for(asyncio.shield(fetched), _PATIENCE_SECONDS)
        except TimeoutError as error:
            raise NoCertificate("the certificate takes too long to come") from error

    def _count(self, client: str) -> None:
        now = self._clock()
        while self._begun and now - self._begun[0][0] >= _IN:
            self._begun.popleft()
        of_client = sum(who == client for _, who in self._begun)
        is_full = len(self._begun) >= _FETCHES or len(self._under_way) >= _WAITING
        if is_full or of_client >= _FETCHES_OF_ONE:
            raise NoCertificate("too many certificates were asked for within a minute")
        self._begun.append((now, client))

    def _take(self, url: str) -> None:
        """Fetch a certificate and keep it among those that have proven nothing yet."""
        try:
            certificate = x509.load_pem_x509_certificate(self._fetch(url))
        except ValueError as error:
            raise NoCertificate("the certificate's URL holds no certificate") from error
        else:
            with self._lock:
                while len(self._others) >= _KEPT:
                    del self._others[next(iter(self._others))]
                self._others[url] = certificate
        finally:
            with self._lock:
                del self._under_way[url]


def fetch(url: str, timeout_seconds: float = _SECONDS) -> bytes:
    """The content of a URL: no redirect is followed, nothing large is read. Raises
    NoCertificate."""
    try:
        with urllib3.PoolManager(timeout=timeout_seconds, retries=False) as pool:
            reply = pool.request("GET", url, redirect=False, preload_content=False)
            content = reply.read(MAX_BYTES + 1)
    except HTTPError as error:
        raise NoCertificate(f"the certificate cannot be fetched: {type(error).__name__}") from error
    if reply.status != 200 or len(content) > MAX_BYTES:
        raise NoCertificate(f"the certificate's URL answers with {reply.status}")
    return content
