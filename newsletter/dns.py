"""What the domain name system says of a name: the records that mail depends on."""

from collections.abc import Sequence
from dataclasses import dataclass

from dns.exception import DNSException
from dns.nameserver import Do53Nameserver
from dns.resolver import NXDOMAIN, Answer, NoAnswer, Resolver

from newsletter.config.values import server_of
from newsletter.errors import NewsletterError

_SECONDS = 5.0  # for one question, at all servers together


class DnsUnreachable(NewsletterError):
    """No server gives an answer, or no clear one; this may pass."""

    code = "dns-unreachable"


@dataclass(frozen=True, slots=True)
class Dns:
    """Asks `nameservers`, as `[dns]` names them, or else those that this machine asks.

    A name without such records gives none. Raises DnsUnreachable.
    """

    nameservers: Sequence[str] = ()

    def texts(self, name: str) -> tuple[str, ...]:
        """The TXT records, each put together of its parts."""
        parts = (record.strings for record in self._records(name, "TXT"))
        return tuple(b"".join(strings).decode("utf-8", "replace") for strings in parts)

    def alias(self, name: str) -> str:
        """Where a CNAME points, in small letters without the dot at its end; "" where none does."""
        targets = [_host(record.target) for record in self._records(name, "CNAME")]
        return targets[0] if targets else ""

    def exchanges(self, name: str) -> tuple[tuple[int, str], ...]:
        """The MX records: preference and host, the preferred one first."""
        records = self._records(name, "MX")
        return tuple(sorted((record.preference, _host(record.exchange)) for record in records))

    def nameservers_of(self, name: str) -> tuple[str, ...]:
        """The NS records."""
        return tuple(sorted(_host(record.target) for record in self._records(name, "NS")))

    def addresses(self, name: str) -> tuple[str, ...]:
        """The A and AAAA records."""
        return tuple(
            record.address for kind in ("A", "AAAA") for record in self._records(name, kind)
        )

    def _records(self, name: str, kind: str) -> Answer | tuple[()]:
        try:
            return self._resolver().resolve(name, kind, search=False, lifetime=_SECONDS)
        except (NXDOMAIN, NoAnswer):
            return ()
        except DNSException as error:
            raise DnsUnreachable(
                f"no answer about {name} {kind}: {_reason(error)}",
                where=", ".join(self.nameservers) or "the nameservers of this machine",
                hint="Try again, or name others with [dns] nameservers.",
            ) from error

    def _resolver(self) -> Resolver:
        if not self.nameservers:
            return Resolver()
        resolver = Resolver(configure=False)
        resolver.nameservers = [Do53Nameserver(*server_of(one)) for one in self.nameservers]
        return resolver


def _host(name: object) -> str:
    return str(name).rstrip(".").lower()


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).rstrip(".")
