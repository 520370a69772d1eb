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
from tests.standin.calls import Shared
from tests.standin.http import Refusal, Request
from tests.standin.limits import Invalid, members, string
from tests.standin.settings import Settings

EVENT_TYPES = frozenset(
    "SEND REJECT BOUNCE COMPLAINT DELIVERY OPEN CLICK RENDERING_FAILURE DELIVERY_DELAY"
    " SUBSCRIPTION".split()
)
PAGE = 100
_ACCOUNT = ""
_TENANT_ARN = "arn:aws:ses:us-east-1:123456789012:tenant/"
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
        # By list, the account's or a tenant's, and by address in lower case.
        self._suppressed: dict[str, dict[str, dict[str, Any]]] = {
            name: {} for name in (_ACCOUNT, *settings.tenants)
        }
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

    def check_tenant(self, name: str) -> None:
        self._list_of(name)
        if name in self._settings.disabled_tenants:
            raise Refusal(400, "SendingPausedException", f"Sending paused for tenant <{name}>.")

    def listed(self, address: str, call: Shared) -> str | None:
        """The bounce subtype of mail to an address on the list that a call obeys."""
        if call.tenant is not None and self._scope(call) == "TENANT":
            is_listed = address.lower() in self._list_of(call.tenant)
            return "OnTenantSuppressionList" if is_listed else None
        return "OnAccountSuppressionList" if address.lower() in self._list_of() else None

    def _scope(self, call: Shared) -> str:
        """The configuration set decides, else the tenant, else it is the account's."""
        found = None if call.configuration_set is None else self._sets.get(call.configuration_set)
        options: Mapping[str, str] = (
            found.description.get("SuppressionOptions", {}) if found else {}
        )
        return options.get("SuppressionScope", self._settings.tenant_scope)

    def _list_of(self, tenant: str | None = None) -> dict[str, dict[str, Any]]:
        if tenant is not None and tenant not in self._settings.tenants:
            raise _not_found(f"Tenant <{tenant}> does not exist.")
        return self._suppressed[tenant or _ACCOUNT]

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
        tenant = string(given["TenantName"], "TenantName") if "TenantName" in given else None
        entries = self._list_of(tenant)
        known = entries.get(address.lower(), {})
        entries[address.lower()] = {
            "EmailAddress": known.get("EmailAddress", address),
            "Reason": given["Reason"],
            "LastUpdateTime": time.time(),
        }
        return {}

    def _get_suppressed(self, address: str, request: Request, body: object) -> object:
        entry = self._known_suppressed(address, request)
        return {"SuppressedDestination": entry}

    def _delete_suppressed(self, address: str, request: Request, body: object) -> object:
        self._known_suppressed(address, request)
        del self._list_of(_tenant(request))[address.lower()]
        return {}

    def _known_suppressed(self, address: str, request: Request) -> dict[str, Any]:
        """Found in the spelling alone in which it was put there."""
        entry = self._list_of(_tenant(request)).get(address.lower())
        if entry is None or entry["EmailAddress"] != address:
            raise _not_found(f"Email address {address} does not exist on your suppression list.")
        return entry

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
            for key, entry in sorted(self._list_of(query.get("TenantName")).items())
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

    def _get_tenant(self, _: str, request: Request, body: object) -> object:
        given = members(body, "request", frozenset({"TenantName"}), ["TenantName"])
        name = string(given["TenantName"], "TenantName")
        self._list_of(name)
        return {
            "Tenant": {
                "TenantName": name,
                "TenantArn": f"{_TENANT_ARN}{name}/tn-1",
                "SendingStatus": self._sending_status(name),
                "SuppressionAttributes": {"SuppressionScope": self._settings.tenant_scope},
            }
        }

    def _get_reputation(self, arn: str, request: Request, body: object) -> object:
        name = arn.removeprefix(_TENANT_ARN).removesuffix("/tn-1")
        if not arn.startswith(_TENANT_ARN) or name not in self._settings.tenants:
            raise _not_found(f"Reputation entity {arn} does not exist.")
        return {
            "ReputationEntity": {
                "ReputationEntityReference": arn,
                "ReputationEntityType": "RESOURCE",
                "SendingStatusAggregate": self._sending_status(name),
                "ReputationImpact": self._settings.tenant_impact,
            }
        }

    def _sending_status(self, name: str) -> str:
        return "DISABLED" if name in self._settings.disabled_tenants else "ENABLED"

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
    "GetTenant": Directory._get_tenant,
    "GetReputationEntity": Directory._get_reputation,
}

_ARGUMENTS = {
    "suppression": 2,
    "configuration-sets": 1,
    "identities": 1,
    "reputation": 3,
    "export-jobs": 1,
    "insights": 1,
}
"""Where a path names what it is about, by its first word."""

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
    ("POST", "tenants/get"): "GetTenant",
    ("GET", "reputation/entities/RESOURCE/*"): "GetReputationEntity",
    ("POST", "export-jobs"): "CreateExportJob",
    ("GET", "export-jobs/*"): "GetExportJob",
    ("GET", "insights/*/"): "GetMessageInsights",
}


def route(method: str, path: str) -> tuple[str, str]:
    """The operation that a path names, and its argument; Refusal if there is none."""
    version, _, rest = path.removeprefix("/").partition("/email/")
    words = rest.split("/")
    argument = ""
    place = _ARGUMENTS.get(words[0])
    if place is not None and len(words) > place:
        argument, words[place] = urllib.parse.unquote(words[place]), "*"
    operation = _ROUTES.get((method, "/".join(words)))
    if version != "v2" or operation is None:
        raise Refusal(404, "UnknownOperationException", f"{method} {path} is not in the stand-in")
    return operation, argument


def _tenant(request: Request) -> str | None:
    return request.query["TenantName"][-1] if "TenantName" in request.query else None


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
