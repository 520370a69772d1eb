"""What the account knows beside mail: suppressed addresses, configuration sets, identities."""

import base64
import binascii
import datetime as dt
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.standin import limits
from tests.standin.http import Refusal, Request
from tests.standin.limits import Invalid, members, string
from tests.standin.settings import Settings

EVENT_TYPES = frozenset(
    "SEND REJECT BOUNCE COMPLAINT DELIVERY OPEN CLICK RENDERING_FAILURE DELIVERY_DELAY"
    " SUBSCRIPTION".split()
)
PAGE = 100
_REASONS = frozenset({"BOUNCE", "COMPLAINT"})
_DESTINATIONS = frozenset(
    "SnsDestination EventBridgeDestination KinesisFirehoseDestination CloudWatchDestination"
    " PinpointDestination".split()
)
_SET = frozenset(
    "ConfigurationSetName TrackingOptions DeliveryOptions ReputationOptions SendingOptions Tags"
    " SuppressionOptions VdmOptions ArchivingOptions MessageSecurityOptions".split()
)


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


class Directory:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._suppressed: dict[str, dict[str, Any]] = {}
        self._sets: dict[str, ConfigurationSet] = {}
        everything = {
            "Name": "events",
            "Enabled": True,
            "MatchingEventTypes": sorted(EVENT_TYPES),
            "SnsDestination": {"TopicArn": "arn:aws:sns:us-east-1:123456789012:events"},
        }
        for name in settings.configuration_sets:
            made = ConfigurationSet({"ConfigurationSetName": name}, {"events": everything})
            self._sets[name] = made

    def configuration_set(self, name: str) -> ConfigurationSet:
        if name not in self._sets:
            raise _not_found(f"Configuration set <{name}> does not exist.")
        return self._sets[name]

    def publishes(self, name: str | None, event_type: str) -> bool:
        found = None if name is None else self._sets.get(name)
        return found is not None and found.publishes(event_type)

    def suppressed(self, address: str) -> bool:
        return address.lower() in self._suppressed

    def answer(self, operation: str, argument: str, request: Request, body: object) -> object:
        """The result of one of the operations here; `argument` is what its path names."""
        return _OPERATIONS[operation](self, argument, request, body)

    def _put_suppressed(self, _: str, request: Request, body: object) -> object:
        given = members(
            body,
            "request",
            frozenset({"EmailAddress", "Reason", "TenantName"}),
            ["EmailAddress", "Reason"],
        )
        address = limits.address(given["EmailAddress"], "EmailAddress")
        if given["Reason"] not in _REASONS:
            raise Invalid(f"Reason {given['Reason']!r}")
        self._suppressed[address.lower()] = {
            "EmailAddress": address,
            "Reason": given["Reason"],
            "LastUpdateTime": time.time(),
        }
        return {}

    def _get_suppressed(self, address: str, request: Request, body: object) -> object:
        return {"SuppressedDestination": self._known_suppressed(address)}

    def _delete_suppressed(self, address: str, request: Request, body: object) -> object:
        self._known_suppressed(address)
        del self._suppressed[address.lower()]
        return {}

    def _known_suppressed(self, address: str) -> dict[str, Any]:
        if address.lower() not in self._suppressed:
            raise _not_found(f"Email address {address} does not exist on your suppression list.")
        return self._suppressed[address.lower()]

    def _list_suppressed(self, _: str, request: Request, body: object) -> object:
        query = {name: values[-1] for name, values in request.query.items()}
        size = int(query.get("PageSize", PAGE))
        if not 1 <= size <= 1000:
            raise Invalid(f"PageSize {size}")
        reasons = set(request.query.get("Reason", _REASONS))
        start = _time(query.get("StartDate"), 0)
        end = _time(query.get("EndDate"), float("inf"))
        after = _read_token(query.get("NextToken"))
        found = [
            entry
            for key, entry in sorted(self._suppressed.items())
            if key > after and entry["Reason"] in reasons and start <= entry["LastUpdateTime"] < end
        ]
        result: dict[str, object] = {"SuppressedDestinationSummaries": found[:size]}
        if len(found) > size:
            last = found[size - 1]["EmailAddress"].lower()
            result["NextToken"] = base64.urlsafe_b64encode(last.encode()).decode()
        return result

    def _create_set(self, _: str, request: Request, body: object) -> object:
        given = members(body, "request", _SET, ["ConfigurationSetName"])
        name = string(given["ConfigurationSetName"], "ConfigurationSetName")
        if len(name) > 64 or not name.isascii() or not name.replace("-", "_").isidentifier():
            raise Invalid(f"ConfigurationSetName {name!r}")
        if name in self._sets:
            raise Refusal(
                400, "AlreadyExistsException", f"Configuration set <{name}> already exists."
            )
        self._sets[name] = ConfigurationSet(dict(given))
        return {}

    def _get_set(self, name: str, request: Request, body: object) -> object:
        return self.configuration_set(name).description

    def _create_destination(self, name: str, request: Request, body: object) -> object:
        found = self.configuration_set(name)
        both = frozenset({"EventDestinationName", "EventDestination"})
        given = members(body, "request", both, both)
        allowed = _DESTINATIONS | {"Enabled", "MatchingEventTypes"}
        definition = members(given["EventDestination"], "EventDestination", allowed)
        types = limits.items(definition.get("MatchingEventTypes"), "MatchingEventTypes")
        if not types or not EVENT_TYPES.issuperset(map(str, types)):
            raise Invalid(f"MatchingEventTypes {types}")
        if len(definition.keys() & _DESTINATIONS) != 1:
            raise Invalid("an event destination has exactly one place to go to")
        label = string(given["EventDestinationName"], "EventDestinationName")
        if label in found.destinations:
            raise Refusal(400, "AlreadyExistsException", f"<{label}> already exists.")
        found.destinations[label] = {"Name": label, "Enabled": False, **definition}
        return {}

    def _get_destinations(self, name: str, request: Request, body: object) -> object:
        return {"EventDestinations": list(self.configuration_set(name).destinations.values())}

    def _get_identity(self, name: str, request: Request, body: object) -> object:
        verified = name in self._settings.identities
        if not verified and name not in self._settings.unverified_identities:
            raise _not_found(f"Email identity {name} does not exist.")
        status = "SUCCESS" if verified else "PENDING"
        return {
            "IdentityType": "EMAIL_ADDRESS" if "@" in name else "DOMAIN",
            "FeedbackForwardingStatus": True,
            "VerifiedForSendingStatus": verified,
            "VerificationStatus": status,
            "DkimAttributes": {
                "SigningEnabled": True,
                "Status": status,
                "SigningAttributesOrigin": "AWS_SES",
            },
            "MailFromAttributes": {
                "MailFromDomain": f"bounce.{name}",
                "MailFromDomainStatus": status,
                "BehaviorOnMxFailure": "USE_DEFAULT_VALUE",
            },
        }


_OPERATIONS: Mapping[str, Callable[[Directory, str, Request, object], object]] = {
    "PutSuppressedDestination": Directory._put_suppressed,
    "GetSuppressedDestination": Directory._get_suppressed,
    "DeleteSuppressedDestination": Directory._delete_suppressed,
    "ListSuppressedDestinations": Directory._list_suppressed,
    "CreateConfigurationSet": Directory._create_set,
    "GetConfigurationSet": Directory._get_set,
    "CreateConfigurationSetEventDestination": Directory._create_destination,
    "GetConfigurationSetEventDestinations": Directory._get_destinations,
    "GetEmailIdentity": Directory._get_identity,
}

_ROUTES = {
    ("POST", "outbound-emails"): "SendEmail",
    ("POST", "outbound-bulk-emails"): "SendBulkEmail",
    ("GET", "account"): "GetAccount",
    ("PUT", "suppression/addresses"): "PutSuppressedDestination",
    ("GET", "suppression/addresses"): "ListSuppressedDestinations",
    ("GET", "suppression/addresses/*"): "GetSuppressedDestination",
    ("DELETE", "suppression/addresses/*"): "DeleteSuppressedDestination",
    ("POST", "configuration-sets"): "CreateConfigurationSet",
    ("GET", "configuration-sets/*"): "GetConfigurationSet",
    ("POST", "configuration-sets/*/event-destinations"): "CreateConfigurationSetEventDestination",
    ("GET", "configuration-sets/*/event-destinations"): "GetConfigurationSetEventDestinations",
    ("GET", "identities/*"): "GetEmailIdentity",
}


def route(method: str, path: str) -> tuple[str, str]:
    """The operation that a path names, and its argument; Refusal if there is none."""
    version, _, rest = path.removeprefix("/").partition("/email/")
    words = rest.split("/")
    argument = ""
    if words[0] in {"suppression", "configuration-sets", "identities"}:
        place = 2 if words[0] == "suppression" else 1
        if len(words) > place:
            argument, words[place] = urllib.parse.unquote(words[place]), "*"
    operation = _ROUTES.get((method, "/".join(words)))
    if version != "v2" or operation is None:
        raise Refusal(404, "UnknownOperationException", f"{method} {path} is not in the stand-in")
    return operation, argument


def _time(value: str | None, default: float) -> float:
    if value is None:
        return default
    return dt.datetime.fromisoformat(value).timestamp()


def _read_token(token: str | None) -> str:
    if token is None:
        return ""
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise Refusal(400, "InvalidNextTokenException", "The token is not valid.") from error


def _not_found(message: str) -> Refusal:
    return Refusal(404, "NotFoundException", message)
