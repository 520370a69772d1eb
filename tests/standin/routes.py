"""Which operation a request is for: its method and path, as in the model of the API."""

import urllib.parse
from collections.abc import Mapping

from tests.standin.http import Refusal

SEPARATOR = "\n"  # between the two things that a path may name

_ARGUMENTS: Mapping[str, tuple[int, ...]] = {
    "suppression": (2,),
    "configuration-sets": (1, 3),
    "identities": (1,),
    "reputation": (3,),
    "export-jobs": (1,),
    "insights": (1,),
}
"""Where a path names what it is about, by its first word."""

_ROUTES = {
    ("POST", "outbound-emails"): "SendEmail",
    ("POST", "outbound-bulk-emails"): "SendBulkEmail",
    ("GET", "account"): "GetAccount",
    ("PUT", "account/suppression"): "PutAccountSuppressionAttributes",
    ("PUT", "suppression/addresses"): "PutSuppressedDestination",
    ("GET", "suppression/addresses"): "ListSuppressedDestinations",
    ("GET", "suppression/addresses/*"): "GetSuppressedDestination",
    ("DELETE", "suppression/addresses/*"): "DeleteSuppressedDestination",
    ("POST", "configuration-sets"): "CreateConfigurationSet",
    ("GET", "configuration-sets/*"): "GetConfigurationSet",
    ("POST", "configuration-sets/*/event-destinations"): "CreateConfigurationSetEventDestination",
    ("GET", "configuration-sets/*/event-destinations"): "GetConfigurationSetEventDestinations",
    ("PUT", "configuration-sets/*/event-destinations/*"): "UpdateConfigurationSetEventDestination",
    ("PUT", "configuration-sets/*/tracking-options"): "PutConfigurationSetTrackingOptions",
    ("PUT", "configuration-sets/*/delivery-options"): "PutConfigurationSetDeliveryOptions",
    ("PUT", "configuration-sets/*/reputation-options"): "PutConfigurationSetReputationOptions",
    ("PUT", "configuration-sets/*/sending"): "PutConfigurationSetSendingOptions",
    ("PUT", "configuration-sets/*/suppression-options"): "PutConfigurationSetSuppressionOptions",
    ("PUT", "configuration-sets/*/vdm-options"): "PutConfigurationSetVdmOptions",
    ("PUT", "configuration-sets/*/archiving-options"): "PutConfigurationSetArchivingOptions",
    ("POST", "identities"): "CreateEmailIdentity",
    ("GET", "identities/*"): "GetEmailIdentity",
    ("PUT", "identities/*/dkim"): "PutEmailIdentityDkimAttributes",
    ("PUT", "identities/*/dkim/signing"): "PutEmailIdentityDkimSigningAttributes",
    ("PUT", "identities/*/mail-from"): "PutEmailIdentityMailFromAttributes",
    ("PUT", "identities/*/feedback"): "PutEmailIdentityFeedbackAttributes",
    ("POST", "tenants/get"): "GetTenant",
    ("GET", "reputation/entities/RESOURCE/*"): "GetReputationEntity",
    ("POST", "reputation/entities"): "ListReputationEntities",
    ("POST", "vdm/recommendations"): "ListRecommendations",
    ("POST", "export-jobs"): "CreateExportJob",
    ("GET", "export-jobs/*"): "GetExportJob",
    ("GET", "insights/*/"): "GetMessageInsights",
}


def route(method: str, path: str) -> tuple[str, str]:
    """The operation that a path names, and its arguments in one; Refusal if there is none."""
    version, _, rest = path.removeprefix("/").partition("/email/")
    words = rest.split("/")
    arguments = []
    for place in _ARGUMENTS.get(words[0], ()):
        if len(words) > place:
            arguments.append(urllib.parse.unquote(words[place]))
            words[place] = "*"
    operation = _ROUTES.get((method, "/".join(words)))
    if version != "v2" or operation is None:
        raise Refusal(404, "UnknownOperationException", f"{method} {path} is not in the stand-in")
    return operation, SEPARATOR.join(arguments)
