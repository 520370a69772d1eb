"""Checks of what the domain name system says of the sender: SPF, DKIM, DMARC, BIMI."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from newsletter.dns import DnsUnreachable
from newsletter.doctor import dmarc, spf
from newsletter.doctor.base import (
    Check,
    CheckGroup,
    Diagnosis,
    Examination,
    SenderRecords,
    Unseen,
    domain_of,
    fail,
    listed,
    ok,
    warn,
)
from newsletter.doctor.dmarc import Alignment, DmarcWalk
from newsletter.doctor.spf import SpfReading
from newsletter.doctor.transports import bedside_of

T = TypeVar("T")

_SUGGESTED = '"v=DMARC1; p=quarantine; rua=mailto:postmaster@{domain}"'
_OWN_MAIL_FROM = "the envelope has a domain of the provider"
_ALL = {"-": "-all", "~": "~all", "?": "?all", "+": "+all"}


def nameservers(exam: Examination) -> Iterator[Diagnosis]:
    _records(exam)
    try:
        exam.dns  # noqa: B018 -- it asks when it is looked at
    except Unseen as error:
        cause = error.__cause__
        assert isinstance(cause, DnsUnreachable)
        yield fail(cause.message, "Check the network, or name others with [dns] nameservers.")
        return
    yield ok("they answer")


def replies(exam: Examination) -> Iterator[Diagnosis]:
    _records(exam)
    own = exam.settings.newsletter
    domain = domain_of(own.reply_to or own.sender)
    exchanges = _asked(exam, lambda: exam.dns.exchanges(domain))
    cure = f"{domain}. MX 10 the name of your mail server, or set [newsletter] reply_to."
    if any(host for _, host in exchanges):
        yield ok(f"{domain} takes mail")
    elif exchanges:
        yield warn(f"{domain} says that it takes no mail", cure)
    elif _asked(exam, lambda: exam.dns.addresses(domain)):
        yield ok(f"{domain} takes mail at its own address")
    else:
        yield warn(f"{domain} takes no mail: replies come back", cure)


def spf_record(exam: Examination) -> Iterator[Diagnosis]:
    records, reading = _own_records(exam), _spf(exam)
    at = records.mail_from
    includes = f"include:{records.spf_include}" if records.spf_include else "the mail server"
    wanted = f'{at}. TXT "v=spf1 {includes} ~all"'
    if not reading.records:
        yield fail(f"{at} has no SPF record", wanted)
    elif len(reading.records) > 1:
        yield fail(f"{at} has {len(reading.records)} SPF records, which is as good as none", wanted)
    elif records.spf_include and records.spf_include not in reading.includes:
        yield fail(f"the SPF record of {at} does not include {records.spf_include}", wanted)
    elif reading.unknown:
        names = listed(reading.unknown)
        yield fail(f"the SPF record of {at} has {names}, which makes all of it void", wanted)
    else:
        yield ok(f"{at} has one SPF record")


def spf_lookups(exam: Examination) -> Iterator[Diagnosis]:
    reading = _one_spf(exam)
    found = f"its SPF record takes {reading.lookups} of {spf.MOST_LOOKUPS} look-ups"
    if reading.lookups > spf.MOST_LOOKUPS:
        yield fail(found, "Take out an include that is not needed any more.")
    elif reading.missing:
        names = listed(reading.missing)
        yield fail(f"its SPF record includes {names}, which has none", "Take it out.")
    else:
        yield ok(found)


def spf_all(exam: Examination) -> Iterator[Diagnosis]:
    reading = _one_spf(exam)
    cure = "End the SPF record with ~all."
    match reading.all_qualifier:
        case "+":
            yield fail("its SPF record ends in +all: it allows everybody", cure)
        case "?":
            yield warn("its SPF record ends in ?all: it forbids nobody", cure)
        case "" if not reading.redirects:
            yield warn("its SPF record has no all at its end: it forbids nobody", cure)
        case other:
            yield ok(f"it ends in {_ALL.get(other, 'a redirect')}")


def mail_exchange(exam: Examination) -> Iterator[Diagnosis]:
    records = _own_records(exam)
    at, exchange = records.mail_from, records.exchange or "the name of your mail server"
    wanted = f"{at}. MX 10 {exchange}"
    hosts = [host for _, host in _asked(exam, lambda: exam.dns.exchanges(at))]
    if not hosts and not records.exchange and _asked(exam, lambda: exam.dns.addresses(at)):
        yield ok(f"what comes back to {at} goes to its own address")
    elif not hosts:
        yield fail(f"{at} has no MX record: nothing comes back to it", wanted)
    elif records.exchange and hosts != [records.exchange]:
        names = listed(hosts)
        yield fail(f"{at} must have the MX {records.exchange} alone, and has {names}", wanted)
    else:
        yield ok(f"what comes back to {at} goes to {listed(hosts)}")


def dkim(exam: Examination) -> Iterator[Diagnosis]:
    records = _records(exam)
    if records.dkim is None:
        raise Unseen("which keys sign is known to the mail server alone")
    if not records.dkim:
        yield fail("the provider signs with no key of this domain", records.setup)
        return
    wrong: list[str] = []
    cures: list[str] = []
    for name, target in records.dkim.items():
        alias = _asked(exam, lambda name=name: exam.dns.alias(name))  # type: ignore[misc]
        if alias != target:
            wrong.append(f"{name} leads to {alias}" if alias else f"{name} is missing")
            cures.append(f"{name}. CNAME {target}.")
    if wrong:
        yield fail(listed(wrong), " ".join(cures))
    else:
        yield ok(f"{len(records.dkim)} names lead to the provider's keys")


def dmarc_record(exam: Examination) -> Iterator[Diagnosis]:
    walk = _walk(exam, exam.from_domain)
    wanted = f"_dmarc.{walk.organisation}. TXT {_SUGGESTED.format(domain=walk.organisation)}"
    if walk.doubled:
        yield fail(f"{walk.doubled[0]} has several DMARC records, which count as none", wanted)
    elif walk.record is None:
        yield fail(f"neither {walk.domain} nor a domain above it has a DMARC record", wanted)
    elif walk.record.faults:
        yield fail(f"_dmarc.{walk.record.domain}: {listed(walk.record.faults)}", wanted)
    else:
        yield ok(f"_dmarc.{walk.record.domain} holds for {walk.domain}")


def dmarc_policy(exam: Examination) -> Iterator[Diagnosis]:
    record = _dmarc(exam)
    at = f"_dmarc.{record.domain}"
    if record.is_test:
        yield warn(f"{at} has t=y: its policy is only tried out", f"Take t=y out of {at}.")
    elif record.policy == "none":
        what = "p=none" if "p" in record.tags else "no p, which is p=none"
        yield warn(
            f"{at} has {what}: mail forged in your name is delivered",
            f"Write p=quarantine in {at} once its reports show that your own mail passes.",
        )
    else:
        yield ok(f"p={record.policy}")


def dmarc_tags(exam: Examination) -> Iterator[Diagnosis]:
    record = _dmarc(exam)
    at = f"_dmarc.{record.domain}"
    if record.obsolete:
        names = listed(record.obsolete)
        yield warn(f"{at} has {names}, which RFC 9989 dropped", f"Take {names} out of {at}.")
    elif unknown := dmarc.unknown_tags(record):
        yield warn(
            f"{at} has {listed(unknown)}, which nobody knows", f"Check the spelling in {at}."
        )
    else:
        yield ok("all of them are of RFC 9989")


def dmarc_reports(exam: Examination) -> Iterator[Diagnosis]:
    record = _dmarc(exam)
    if record.tags.get("rua"):
        yield ok("reports are asked for")
    else:
        yield warn(
            f"_dmarc.{record.domain} has no rua: nobody tells you what is forged",
            f"Add rua=mailto:postmaster@{record.domain} to it.",
        )


def dkim_alignment(exam: Examination) -> Iterator[Diagnosis]:
    records = _records(exam)
    if not records.signs_as:
        raise Unseen("for which domain mail is signed is known to the mail server alone")
    yield from _aligned(exam, "adkim", "DKIM signs for", records.signs_as, records.setup)


def spf_alignment(exam: Examination) -> Iterator[Diagnosis]:
    records = _own_records(exam)
    cure = f"Choose a MAIL FROM domain below {exam.from_domain}, as bounce.{exam.from_domain}."
    yield from _aligned(exam, "aspf", "SPF is for", records.mail_from, cure)


def _aligned(exam: Examination, tag: str, what: str, domain: str, cure: str) -> Iterator[Diagnosis]:
    author, other = _walk(exam, exam.from_domain), _walk(exam, domain)
    is_strict = author.record is not None and author.record.is_strict(tag)
    if Alignment(author, other, is_strict).holds:
        yield ok(f"{domain} counts for {exam.from_domain}")
    elif is_strict and author.organisation == other.organisation:
        at = f"_dmarc.{author.record.domain if author.record else exam.from_domain}"
        yield fail(
            f"{what} {domain}, and {at} wants {exam.from_domain} itself", f"Write {tag}=r in {at}."
        )
    else:
        yield fail(f"{what} {domain}, which is not of {author.organisation}", cure)


def bimi(exam: Examination) -> Iterator[Diagnosis]:
    _records(exam)
    at = f"default._bimi.{exam.from_domain}"
    texts = _asked(exam, lambda: exam.dns.texts(at))
    records = [text for text in texts if text.replace(" ", "").lower().startswith("v=bimi1")]
    if not records:
        yield ok("there is none, and none is needed")
        return
    tags = dmarc.parse(at, records[0]).tags
    logo = tags.get("l", "")
    if len(records) > 1:
        yield warn(f"{at} has several records, which count as none", f"Leave one at {at}.")
    elif "l" in tags and not logo:
        yield ok(f"{at} says that there is no logo")
    elif not (logo.startswith("https://") and logo.lower().endswith(".svg")):
        yield warn(f"{at} names no logo", f"Write l=https://… of an SVG (Tiny PS) in {at}.")
    elif _walk(exam, exam.from_domain).record is None or _dmarc(exam).policy == "none":
        yield warn(
            f"{at} is ignored without a DMARC policy", "Write p=quarantine in the DMARC record."
        )
    else:
        yield ok(f"{at} names a logo")


def _records(exam: Examination) -> SenderRecords:
    """Raises Unseen where no domain matters."""
    bedside = bedside_of(exam.settings.transport)
    return exam.fact("records", lambda: bedside.records(exam))


def _own_records(exam: Examination) -> SenderRecords:
    records = _records(exam)
    if not records.mail_from:
        raise Unseen(_OWN_MAIL_FROM)
    return records


def _asked(exam: Examination, ask: Callable[[], T]) -> T:
    """What one look-up says; where one name alone gives no answer, the check ends with that."""
    _records(exam)
    exam.dns  # noqa: B018 -- raises Unseen where nobody answers at all
    return ask()


def _walk(exam: Examination, domain: str) -> DmarcWalk:
    return exam.fact(f"dmarc {domain}", lambda: _asked(exam, lambda: dmarc.walk(exam.dns, domain)))


def _dmarc(exam: Examination) -> dmarc.DmarcRecord:
    walk = _walk(exam, exam.from_domain)
    if walk.record is None:
        raise Unseen("there is no DMARC record")
    return walk.record


def _spf(exam: Examination) -> SpfReading:
    at = _own_records(exam).mail_from
    return exam.fact("spf", lambda: _asked(exam, lambda: spf.read(exam.dns, at)))


def _one_spf(exam: Examination) -> SpfReading:
    reading = _spf(exam)
    if len(reading.records) != 1:
        raise Unseen("there is no valid SPF record")
    return reading


_ENVELOPE = "Microsoft wants SPF to pass, and DMARC a domain that belongs to the sender's."

CHECKS = (
    Check("dns", CheckGroup.DOMAIN, nameservers, "All that follows is asked of them."),
    Check(
        "replies",
        CheckGroup.DOMAIN,
        replies,
        "Readers answer; mail that nobody takes is suspicious.",
    ),
    Check("spf", CheckGroup.DOMAIN, spf_record, "It says who may send for the domain."),
    Check(
        "spf-lookups", CheckGroup.DOMAIN, spf_lookups, "With more than ten, SPF fails for all mail."
    ),
    Check(
        "spf-all",
        CheckGroup.DOMAIN,
        spf_all,
        "What comes after all others decides about forgeries.",
    ),
    Check("mail-exchange", CheckGroup.DOMAIN, mail_exchange, "Bounces come back to this name."),
    Check(
        "dkim", CheckGroup.DOMAIN, dkim, "The signature covers the unsubscribe header; all want it."
    ),
    Check(
        "dmarc",
        CheckGroup.DOMAIN,
        dmarc_record,
        "Gmail, Yahoo and Microsoft reject bulk without it.",
    ),
    Check("dmarc-policy", CheckGroup.DOMAIN, dmarc_policy, "It decides about mail in your name."),
    Check(
        "dmarc-tags", CheckGroup.DOMAIN, dmarc_tags, "What a provider does not know, it ignores."
    ),
    Check("dmarc-reports", CheckGroup.DOMAIN, dmarc_reports, "They show who sends in your name."),
    Check(
        "dkim-alignment",
        CheckGroup.DOMAIN,
        dkim_alignment,
        "A signature of others counts for nothing.",
    ),
    Check("spf-alignment", CheckGroup.DOMAIN, spf_alignment, _ENVELOPE),
    Check(
        "bimi", CheckGroup.DOMAIN, bimi, "A logo beside the subject, where a provider shows one."
    ),
)
