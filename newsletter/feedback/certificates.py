"""The certificates that SNS signs with: fetched once each, from SNS alone, and bounded."""

import datetime as dt
import threading
from collections import deque
from collections.abc import Callable

import urllib3
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from urllib3.exceptions import HTTPError

from newsletter.errors import NewsletterError

MAX_BYTES = 64 * 1024
_SECONDS = 5
_KEPT = 16
# A stranger can name as many certificates of SNS as there are hexadecimal numbers.
_FETCHES = 30
_IN = dt.timedelta(minutes=1)


class NoCertificate(NewsletterError):
    """A certificate cannot be had now, so nothing can be said of what it would prove."""

    code = "no-certificate"


class Certificates:
    """The keys of certificates by URL. `fetch` gets what stands at a URL, or raises NoCertificate.

    It must be asked about URLs of SNS only: it fetches what it is asked about.
    """

    def __init__(self, fetch: Callable[[str], bytes], clock: Callable[[], dt.datetime]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._kept: dict[str, x509.Certificate] = {}
        self._one_fetches = threading.Lock()
        self._fetched: deque[dt.datetime] = deque(maxlen=_FETCHES)

    def key_of(self, url: str) -> RSAPublicKey:
        """The key of a certificate that is valid now. Raises NoCertificate."""
        certificate = self._kept.get(url) or self._kept_from(url)
        if not certificate.not_valid_before_utc <= self._clock() <= certificate.not_valid_after_utc:
            raise NoCertificate("the certificate is not valid now")
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey):
            raise NoCertificate("the certificate has no RSA key")
        return key

    def _kept_from(self, url: str) -> x509.Certificate:
        """Fetch a certificate, unless another thread just did."""
        with self._one_fetches:
            if url not in self._kept:
                certificate = self._fetched_from(url)
                while len(self._kept) >= _KEPT:
                    del self._kept[next(iter(self._kept))]
                self._kept[url] = certificate
            return self._kept[url]

    def _fetched_from(self, url: str) -> x509.Certificate:
        now = self._clock()
        if len(self._fetched) == _FETCHES and now - self._fetched[0] < _IN:
            raise NoCertificate("too many certificates were asked for within a minute")
        self._fetched.append(now)
        try:
            return x509.load_pem_x509_certificate(self._fetch(url))
        except ValueError as error:
            raise NoCertificate("what stands at the certificate's URL is none") from error


def fetch(url: str) -> bytes:
    """What stands at a URL: no redirect is followed, nothing large read. Raises NoCertificate."""
    try:
        with urllib3.PoolManager(timeout=_SECONDS, retries=False) as pool:
            reply = pool.request("GET", url, redirect=False, preload_content=False)
            content = reply.read(MAX_BYTES + 1)
    except HTTPError as error:
        raise NoCertificate(f"the certificate cannot be fetched: {type(error).__name__}") from error
    if reply.status != 200 or len(content) > MAX_BYTES:
        raise NoCertificate(f"the certificate's URL answers with {reply.status}")
    return content
