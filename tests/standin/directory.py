"""What the account knows beside mail: suppressed addresses, tenants, and its configuration."""

import base64
import binascii
import datetime as dt
import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.standin import configuration, limits
from tests.standin.calls import Shared
from tests.standin.configuration import Configuration, ConfigurationSet, not_found
from tests.standin.http import Refusal, Request
from tests.standin.limits import Invalid, members, string
from tests.standin.routes import SEPARATOR
from tests.standin.settings import Settings

PAGE = 100
_ACCOUNT = ""
_TENANT_ARN = "arn:aws:ses:us-east-1:123456789012:tenant/"
_REASONS = configuration.SUPPRESSED_REASONS


class Directory:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # By list, the account's or a tenant's, and by address in lower case.
        self._suppressed: dict[str, dict[str, dict[str, Any]]] = {
            name: {} for name in (_ACCOUNT, *settings.tenants)
        }
        self.configuration = Configuration(settings)

    def configuration_set(self, name: str) -> ConfigurationSet:
        return self.configuration.configuration_set(name)

    def publishes(self, name: str | None, event_type: str) -> bool:
        return self.configuration.publishes(name, event_type)

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
        found = self.configuration.sets.get(call.configuration_set or "")
        options: Mapping[str, str] = (
            found.description.get("SuppressionOptions", {}) if found else {}
        )
        return options.get("SuppressionScope", self._settings.tenant_scope)

    def _list_of(self, tenant: str | None = None) -> dict[str, dict[str, Any]]:
        if tenant is not None and tenant not in self._settings.tenants:
            raise not_found(f"Tenant <{tenant}> does not exist.")
        return self._suppressed[tenant or _ACCOUNT]

    def answer(self, operation: str, argument: str, request: Request, body: object) -> object:
        """The result of one of the operations here; `argument` is what its path names."""
        if operation in configuration.OPERATIONS:
            name, _, label = argument.partition(SEPARATOR)
            return self.configuration.answer(operation, name, label, body)
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
            raise not_found(f"Email address {address} does not exist on your suppression list.")
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
            raise not_found(f"Reputation entity {arn} does not exist.")
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


_OPERATIONS: Mapping[str, Callable[[Directory, str, Request, object], object]] = {
    "PutSuppressedDestination": Directory._put_suppressed,
    "GetSuppressedDestination": Directory._get_suppressed,
    "DeleteSuppressedDestination": Directory._delete_suppressed,
    "ListSuppressedDestinations": Directory._list_suppressed,
    "GetTenant": Directory._get_tenant,
    "GetReputationEntity": Directory._get_reputation,
}


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
