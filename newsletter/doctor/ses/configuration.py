"""Checks of the configuration set: what SES does with each mail."""

from collections.abc import Iterator

from newsletter.doctor.base import Check, CheckGroup, Diagnosis, Examination, fail, ok, warn
from newsletter.doctor.ses.asking import SETUP, ask_ses, configuration_set, known_account
from newsletter.provision.ses import wanted

_SET = "aws sesv2 put-configuration-set"


def exists(exam: Examination) -> Iterator[Diagnosis]:
    name = exam.settings.transport.ses.configuration_set
    if not name:
        yield fail("[transport.ses] configuration_set is empty: nothing reports bounces", SETUP)
        return
    answer = ask_ses(exam, "GetConfigurationSet", ConfigurationSetName=name)
    if answer is None:
        yield fail(f"SES has no configuration set {name!r} in this region", SETUP)
    elif answer.get("SendingOptions", {}).get("SendingEnabled") is False:
        yield fail(
            f"sending is switched off for {name!r}",
            f"{_SET}-sending-options --configuration-set-name {name} --sending-enabled",
        )
    else:
        yield ok(f"mail goes through {name!r}")


def tls_policy(exam: Examination) -> Iterator[Diagnosis]:
    options = configuration_set(exam).get("DeliveryOptions", {})
    if options.get("TlsPolicy") == wanted.TLS_POLICY:
        yield ok("mail goes over TLS alone")
    else:
        yield warn("mail goes in the clear to servers without TLS", SETUP)


def delivery_time(exam: Examination) -> Iterator[Diagnosis]:
    seconds = configuration_set(exam).get("DeliveryOptions", {}).get("MaxDeliverySeconds")
    if seconds is None:
        yield warn("SES tries for 14 hours, and yesterday's news arrive today", SETUP)
    else:
        yield ok(f"SES tries for {float(seconds) / 3600:,.0f} hours")


def tracking(exam: Examination) -> Iterator[Diagnosis]:
    """Each call says whether to track, which overrides the account and the configuration set."""
    ses = exam.settings.transport.ses
    options = configuration_set(exam).get("TrackingOptions", {})
    domain, policy = options.get("CustomRedirectDomain"), options.get("HttpsPolicy")
    if not (ses.open_tracking or ses.click_tracking):
        yield ok("every call tells SES not to track")
    elif not domain:
        yield warn(
            "links of readers would lead through awstrack.me",
            f"{_SET}-tracking-options --configuration-set-name {ses.configuration_set} "
            f"--custom-redirect-domain click.{exam.from_domain} --https-policy REQUIRE",
        )
    elif policy != "REQUIRE":
        yield warn(
            f"links of readers may lead through http://{domain}",
            f"{_SET}-tracking-options --configuration-set-name {ses.configuration_set} "
            f"--custom-redirect-domain {domain} --https-policy REQUIRE",
        )
    else:
        yield ok(f"links lead through {domain}")


def engagement(exam: Examination) -> Iterator[Diagnosis]:
    attributes = known_account(exam).get("VdmAttributes", {}).get("DashboardAttributes", {})
    own = configuration_set(exam).get("VdmOptions", {}).get("DashboardOptions", {})
    metrics = own.get("EngagementMetrics") or attributes.get("EngagementMetrics")
    ses = exam.settings.transport.ses
    if metrics == "ENABLED" and not (ses.open_tracking or ses.click_tracking):
        yield warn(
            "engagement metrics are on, though each call switches tracking off: an older endpoint "
            "or another sender would track",
            f"{_SET}-vdm-options --configuration-set-name {ses.configuration_set} "
            "--vdm-options DashboardOptions={EngagementMetrics=DISABLED}",
        )
    else:
        yield ok("SES measures nobody by itself")


def archiving(exam: Examination) -> Iterator[Diagnosis]:
    ses = exam.settings.transport.ses
    if configuration_set(exam).get("ArchivingOptions", {}).get("ArchiveArn"):
        yield warn(
            "SES archives each mail, with its reader's address, where `forget` cannot reach it",
            f"{_SET}-archiving-options --configuration-set-name {ses.configuration_set}",
        )
    else:
        yield ok("SES keeps no copy of mails")


def set_validation(exam: Examination) -> Iterator[Diagnosis]:
    options = configuration_set(exam).get("SuppressionOptions", {}).get("ValidationOptions", {})
    threshold = options.get("ConditionThreshold", {})
    if threshold.get("ConditionThresholdEnabled") == "ENABLED":
        yield warn("the configuration set has SES guess which addresses exist", SETUP)
    else:
        yield ok("the configuration set leaves no address out")


def smime(exam: Examination) -> Iterator[Diagnosis]:
    scheme = configuration_set(exam).get("MessageSecurityOptions", {}).get("SigningScheme", {})
    if "SmimeScheme" in scheme:
        yield warn(
            "SES signs mails by S/MIME: what arrives is not what was sealed",
            "Switch message signing off for the configuration set, in the SES console.",
        )
    else:
        yield ok("SES changes nothing in a mail")


CHECKS = (
    Check("configuration-set", CheckGroup.TRANSPORT, exists, "Events and delivery are set by it."),
    Check("tls-policy", CheckGroup.TRANSPORT, tls_policy, "A mail holds its reader's own links."),
    Check("delivery-time", CheckGroup.TRANSPORT, delivery_time, "News have their day."),
    Check(
        "tracking", CheckGroup.TRANSPORT, tracking, "Links of others look like those of a swindle."
    ),
    Check("engagement", CheckGroup.TRANSPORT, engagement, "What was sealed is what should arrive."),
    Check(
        "archiving", CheckGroup.TRANSPORT, archiving, "A reader who is erased stays in the archive."
    ),
    Check(
        "set-validation",
        CheckGroup.TRANSPORT,
        set_validation,
        "A guess would keep mail from readers.",
    ),
    Check("smime", CheckGroup.TRANSPORT, smime, "What was sealed is what should arrive."),
)
