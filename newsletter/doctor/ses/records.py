"""What the domain has to say of mail through SES."""

from newsletter.doctor.base import Examination, SenderRecords
from newsletter.doctor.ses.asking import SETUP, known_identity, region
from newsletter.provision.ses import wanted


def records(exam: Examination) -> SenderRecords:
    """Raises Unseen where the sender has no identity, or SES cannot be asked."""
    name, identity = known_identity(exam)
    dkim = identity.get("DkimAttributes", {})
    is_domain = "@" not in name
    names = None  # keys of one's own have names of their own
    if is_domain and dkim.get("SigningAttributesOrigin") != "EXTERNAL":
        zone = str(dkim.get("SigningHostedZone") or "")
        wanted_names = wanted.dkim_records(name, dkim.get("Tokens", []), zone)
        names = {record.name: record.value for record in wanted_names}
    return SenderRecords(
        mail_from=str(identity.get("MailFromAttributes", {}).get("MailFromDomain") or ""),
        spf_include=wanted.SPF_INCLUDE.removeprefix("include:"),
        exchange=wanted.mail_from_exchange(region(exam)),
        dkim=names if is_domain else {},
        signs_as=name if is_domain else "amazonses.com",
        setup=SETUP,
    )
