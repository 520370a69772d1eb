"""How the account is configured: its identities and its configuration sets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.standin import limits
from tests.standin.http import Refusal
from tests.standin.identities import key_length, merged, new_identity, settled
from tests.standin.limits import Invalid, members, string
from tests.standin.settings import Settings

EVENT_TYPES = frozenset(
    "SEND REJECT BOUNCE COMPLAINT DELIVERY OPEN CLICK RENDERING_FAILURE DELIVERY_DELAY"
    " SUBSCRIPTION".split()
)
SUPPRESSED_REASONS = frozenset({"BOUNCE", "COMPLAINT"})
_DESTINATIONS = frozenset(
    "SnsDestination EventBridgeDestination KinesisFirehoseDestination CloudWatchDestination"
    " PinpointDestination".split()
)
_OPTIONS: Mapping[str, frozenset[str]] = {
    "TrackingOptions": frozenset({"CustomRedirectDomain", "HttpsPolicy"}),
    "DeliveryOptions": frozenset({"TlsPolicy", "SendingPoolName", "MaxDeliverySeconds"}),
    "ReputationOptions": frozenset({"ReputationMetricsEnabled"}),
    "SendingOptions": frozenset({"SendingEnabled"}),
    "SuppressionOptions": frozenset({"SuppressedReasons", "SuppressionScope", "ValidationOptions"}),
    "VdmOptions": frozenset({"DashboardOptions", "GuardianOptions"}),
    "ArchivingOptions": frozenset({"ArchiveArn"}),
    "MessageSecurityOptions": frozenset({"SigningScheme"}),
}
_SET = frozenset({"ConfigurationSetName", "Tags", *_OPTIONS})
_IDENTITY = frozenset({"EmailIdentity", "Tags", "DkimSigningAttributes", "ConfigurationSetName"})
_SIGNING = frozenset(
    "DomainSigningSelector DomainSigningPrivateKey NextSigningKeyLength"
    " DomainSigningAttributesOrigin".split()
)
_ON_MX_FAILURE = frozenset({"USE_DEFAULT_VALUE", "REJECT_MESSAGE"})
_EVERYTHING = {
    "Name": "events",
    "Enabled": True,
    "MatchingEventTypes": sorted(EVENT_TYPES),
    "SnsDestination": {"TopicArn": "arn:aws:sns:us-east-1:123456789012:events"},
}

Body = Mapping[str, Any]


@dataclass(slots=True)
class ConfigurationSet:
    description: dict[str, Any]
    destinations: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def sending_enabled(self) -> bool:
        options: Mapping[str, object] = self.description.get("SendingOptions", {})
        return options.get("SendingEnabled", True) is not False

    def publishes(self, event_type: str) -> bool:
        return any(
            destination.get("Enabled") and event_type in destination["MatchingEventTypes"]
            for destination in self.destinations.values()
        )


class Configuration:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.sets: dict[str, ConfigurationSet] = {}
        self.identities: dict[str, dict[str, Any]] = {}
        self.reset()

    def reset(self) -> None:
        """As the settings have it."""
        self.sets = {
            name: ConfigurationSet({"ConfigurationSetName": name}, {"events": dict(_EVERYTHING)})
            for name in self._settings.configuration_sets
        }
        waiting = self._settings.unverified_identities
        self.identities = {
            **{name: settled(name, "SUCCESS") for name in self._settings.identities},
            **{name: settled(name, "PENDING") for name in waiting},
        }

    def change(self, changes: Mapping[str, Any]) -> None:
        """Put something into another state, faulty ones too; ValueError for what is not known.

        `identities` and `configuration_sets`: by name, the members of their descriptions that are
        to differ, as the API tells them; a value of null takes one away. The `destinations` of a
        set, by name, likewise. What is not there yet is made.
        """
        for kind, things in changes.items():
            if kind not in {"identities", "configuration_sets"}:
                raise ValueError(f"unknown: {kind}")
            change = self._change_identity if kind == "identities" else self._change_set
            for name, members_of in things.items():
                change(name, members_of)

    def _change_identity(self, name: str, changes: Mapping[str, Any] | None) -> None:
        if changes is None:
            self.identities.pop(name, None)
        else:
            before = self.identities.get(name) or new_identity(name, "RSA_2048_BIT")
            self.identities[name] = merged(before, changes)

    def _change_set(self, name: str, changes: Mapping[str, Any] | None) -> None:
        if changes is None:
            self.sets.pop(name, None)
            return
        made = self.sets.setdefault(name, ConfigurationSet({"ConfigurationSetName": name}))
        options = {member: value for member, value in changes.items() if member != "destinations"}
        made.description = merged(made.description, options)
        for label, members_of in changes.get("destinations", {}).items():
            if members_of is None:
                made.destinations.pop(label, None)
            else:
                made.destinations[label] = merged(
                    made.destinations.get(label, {"Name": label}), members_of
                )

    def configuration_set(self, name: str) -> ConfigurationSet:
        if name not in self.sets:
            raise not_found(f"Configuration set <{name}> does not exist.")
        return self.sets[name]

    def publishes(self, name: str | None, event_type: str) -> bool:
        found = None if name is None else self.sets.get(name)
        return found is not None and found.publishes(event_type)

    def is_verified(self, address: str) -> bool:
        """Whether the address, its domain or a domain above it is."""
        domain = address.rpartition("@")[2].lower()
        return any(
            address.lower() == name or domain == name or domain.endswith(f".{name}")
            for name, identity in self.identities.items()
            if identity.get("VerifiedForSendingStatus")
        )

    def check_mail_from(self, sender: str) -> None:
        """Refusal where the identity of a sender wants its MAIL FROM domain, which has no MX."""
        domain = sender.rpartition("@")[2].lower()
        own = [name for name in self.identities if f".{domain}".endswith(f".{name}")]
        if not own:
            return
        mail_from = self.identities[max(own, key=len)]["MailFromAttributes"]
        refuses = mail_from.get("BehaviorOnMxFailure") == "REJECT_MESSAGE"
        if refuses and mail_from.get("MailFromDomainStatus") != "SUCCESS":
            raise Refusal(
                400,
                "MailFromDomainNotVerifiedException",
                "Custom MAIL FROM domain is not verified.",
            )

    def answer(self, operation: str, name: str, label: str, body: object) -> object:
        """The result of one of the operations here; its path names one thing or two."""
        if operation.startswith("PutConfigurationSet"):
            return self._put_options(operation, name, body)
        return _OPERATIONS[operation](self, name, label, body)

    def _create_set(self, _: str, __: str, body: object) -> object:
        given = members(body, "request", _SET, ["ConfigurationSetName"])
        name = string(given["ConfigurationSetName"], "ConfigurationSetName")
        if len(name) > 64 or not name.isascii() or not name.replace("-", "_").isidentifier():
            raise Invalid(f"ConfigurationSetName {name!r}")
        if name in self.sets:
            raise _already(f"Configuration set <{name}> already exists.")
        for option in given.keys() & _OPTIONS.keys():
            _check_options(option, given[option])
        self.sets[name] = ConfigurationSet(dict(given))
        return {}

    def _get_set(self, name: str, _: str, body: object) -> object:
        return self.configuration_set(name).description

    def _put_options(self, operation: str, name: str, body: object) -> object:
        """All options of one kind at once: those that are not named are unset."""
        option = operation.removeprefix("PutConfigurationSet")
        _check_options(option, body)
        self.configuration_set(name).description[option] = body
        return {}

    def _create_destination(self, name: str, _: str, body: object) -> object:
        found = self.configuration_set(name)
        both = frozenset({"EventDestinationName", "EventDestination"})
        given = members(body, "request", both, both)
        label = string(given["EventDestinationName"], "EventDestinationName")
        if label in found.destinations:
            raise _already(f"<{label}> already exists.")
        found.destinations[label] = _destination(label, given["EventDestination"])
        return {}

    def _update_destination(self, name: str, label: str, body: object) -> object:
        found = self.configuration_set(name)
        if label not in found.destinations:
            raise not_found(f"Event destination <{label}> does not exist.")
        one = frozenset({"EventDestination"})
        given = members(body, "request", one, one)
        found.destinations[label] = _destination(label, given["EventDestination"])
        return {}

    def _get_destinations(self, name: str, _: str, body: object) -> object:
        return {"EventDestinations": list(self.configuration_set(name).destinations.values())}

    def _create_identity(self, _: str, __: str, body: object) -> object:
        given = members(body, "request", _IDENTITY, ["EmailIdentity"])
        name = string(given["EmailIdentity"], "EmailIdentity").lower()
        if name in self.identities:
            raise _already(f"Email identity {name} already exist.")
        signing = members(given.get("DkimSigningAttributes", {}), "DkimSigningAttributes", _SIGNING)
        made = new_identity(name, key_length(signing))
        if "ConfigurationSetName" in given:
            self.configuration_set(string(given["ConfigurationSetName"], "ConfigurationSetName"))
            made["ConfigurationSetName"] = given["ConfigurationSetName"]
        self.identities[name] = made
        told = ("IdentityType", "VerifiedForSendingStatus", "DkimAttributes")
        return {member: made[member] for member in told}

    def _get_identity(self, name: str, _: str, body: object) -> object:
        return self._identity(name)

    def _identity(self, name: str) -> dict[str, Any]:
        if name not in self.identities:
            raise not_found(f"Email identity {name} does not exist.")
        return self.identities[name]

    def _put_dkim(self, name: str, _: str, body: object) -> object:
        given = members(body, "request", frozenset({"SigningEnabled"}))
        self._identity(name)["DkimAttributes"]["SigningEnabled"] = (
            given.get("SigningEnabled") is True
        )
        return {}

    def _put_signing(self, name: str, _: str, body: object) -> object:
        """Easy DKIM: a longer key is made later, so that mails go on being signed meanwhile."""
        allowed = frozenset({"SigningAttributesOrigin", "SigningAttributes"})
        given = members(body, "request", allowed, ["SigningAttributesOrigin"])
        if given["SigningAttributesOrigin"] != "AWS_SES":
            raise Invalid("the stand-in knows Easy DKIM alone")
        signing = members(given.get("SigningAttributes", {}), "SigningAttributes", _SIGNING)
        dkim = self._identity(name)["DkimAttributes"]
        length = key_length(signing)
        if dkim.get("SigningAttributesOrigin") != "AWS_SES" or not dkim.get("Tokens"):
            dkim |= new_identity(name, length)["DkimAttributes"]
        dkim["NextSigningKeyLength"] = length
        return {"DkimStatus": dkim["Status"], "DkimTokens": dkim["Tokens"]}

    def _put_mail_from(self, name: str, _: str, body: object) -> object:
        allowed = frozenset({"MailFromDomain", "BehaviorOnMxFailure"})
        given = members(body, "request", allowed)
        attributes = self._identity(name)["MailFromAttributes"]
        behaviour = given.get("BehaviorOnMxFailure", "USE_DEFAULT_VALUE")
        if behaviour not in _ON_MX_FAILURE:
            raise Invalid(f"BehaviorOnMxFailure {behaviour!r}")
        attributes["BehaviorOnMxFailure"] = behaviour
        domain = string(given.get("MailFromDomain", ""), "MailFromDomain")
        if not domain:
            attributes.pop("MailFromDomain", None)
            attributes.pop("MailFromDomainStatus", None)
        elif not domain.endswith(f".{name}"):
            raise Invalid(f"Provided MAIL-FROM domain <{domain}> is not subdomain of <{name}>.")
        elif attributes.get("MailFromDomain") != domain:
            attributes |= {"MailFromDomain": domain, "MailFromDomainStatus": "PENDING"}
        return {}

    def _put_feedback(self, name: str, _: str, body: object) -> object:
        given = members(body, "request", frozenset({"EmailForwardingEnabled"}))
        forwards = given.get("EmailForwardingEnabled") is True
        self._identity(name)["FeedbackForwardingStatus"] = forwards
        return {}


_OPERATIONS: Mapping[str, Callable[[Configuration, str, str, object], object]] = {
    "CreateConfigurationSet": Configuration._create_set,
    "GetConfigurationSet": Configuration._get_set,
    "CreateConfigurationSetEventDestination": Configuration._create_destination,
    "UpdateConfigurationSetEventDestination": Configuration._update_destination,
    "GetConfigurationSetEventDestinations": Configuration._get_destinations,
    "CreateEmailIdentity": Configuration._create_identity,
    "GetEmailIdentity": Configuration._get_identity,
    "PutEmailIdentityDkimAttributes": Configuration._put_dkim,
    "PutEmailIdentityDkimSigningAttributes": Configuration._put_signing,
    "PutEmailIdentityMailFromAttributes": Configuration._put_mail_from,
    "PutEmailIdentityFeedbackAttributes": Configuration._put_feedback,
}
OPERATIONS = frozenset({*_OPERATIONS, *(f"PutConfigurationSet{option}" for option in _OPTIONS)})


def reasons(value: object) -> list[str]:
    """Reasons to suppress an address, as of a request."""
    given = [string(item, "SuppressedReasons") for item in limits.items(value, "SuppressedReasons")]
    if not SUPPRESSED_REASONS.issuperset(given):
        raise Invalid(f"SuppressedReasons {given}")
    return given


def not_found(message: str) -> Refusal:
    return Refusal(404, "NotFoundException", message)


def _already(message: str) -> Refusal:
    return Refusal(400, "AlreadyExistsException", message)


def _check_options(option: str, value: object) -> None:
    given = members(value, option, _OPTIONS[option])
    if given.get("TlsPolicy", "REQUIRE") not in {"REQUIRE", "OPTIONAL"}:
        raise Invalid(f"TlsPolicy {given['TlsPolicy']!r}")
    seconds = given.get("MaxDeliverySeconds", 300)
    if not isinstance(seconds, int) or not 300 <= seconds <= 50_400:
        raise Invalid(f"MaxDeliverySeconds {seconds!r}")
    reasons(given.get("SuppressedReasons", []))


def _destination(label: str, value: object) -> dict[str, Any]:
    allowed = _DESTINATIONS | {"Enabled", "MatchingEventTypes"}
    definition = members(value, "EventDestination", allowed)
    types = limits.items(definition.get("MatchingEventTypes"), "MatchingEventTypes")
    if not types or not EVENT_TYPES.issuperset(map(str, types)):
        raise Invalid(f"MatchingEventTypes {types}")
    if len(definition.keys() & _DESTINATIONS) != 1:
        raise Invalid("an event destination has exactly one place to go to")
    return {"Name": label, "Enabled": False, **definition}
