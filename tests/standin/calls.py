"""Requests to send, read as strictly as SES reads them: SendEmail and SendBulkEmail to a `Call`.

What is wrong raises `Invalid`, or, with one entry of a bulk call and if asked so, stays with it.
"""

import base64
import binascii
import email.header
import email.parser
import email.utils
from collections.abc import Mapping
from dataclasses import dataclass

from tests.standin import limits
from tests.standin.http import Refusal
from tests.standin.limits import Invalid, Pair, address, items, members, string
from tests.standin.rendering import Content, Fixed, Mime, Template, compile_template, filled

# No member of a request is ignored: what the stand-in cannot do is refused.
_NOT_HERE = frozenset({"Attachments", "ListManagementOptions", "TemplateArn"})
_COMMON = frozenset(
    "FromEmailAddress FromEmailAddressIdentityArn ReplyToAddresses FeedbackForwardingEmailAddress"
    " FeedbackForwardingEmailAddressIdentityArn ConfigurationSetName EndpointId TenantName"
    " ConfigurationOverrides".split()
)
_EMAIL = _COMMON | {"Destination", "Content", "EmailTags"} | _NOT_HERE
_BULK = _COMMON | {"DefaultEmailTags", "DefaultContent", "BulkEmailEntries"}
_TEMPLATE = frozenset({"TemplateName", "TemplateContent", "TemplateData", "Headers"}) | _NOT_HERE
_ENTRY = frozenset(
    {"Destination", "ReplacementTags", "ReplacementHeaders", "ReplacementEmailContent"}
)
_TRACKING = frozenset({"OpenTrackingEnabled", "ClickTrackingEnabled"})
_DESTINATION = frozenset({"ToAddresses", "CcAddresses", "BccAddresses"})
# The framing of MIME, and what SES sets or takes for itself.
_NOT_IN_MAILBOX = frozenset({"bcc", "date", "message-id", "mime-version", "return-path"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One message; with a `fault` it is not sent."""

    recipients: tuple[str, ...]
    headers: list[Pair]
    tags: Mapping[str, str]
    content: Content
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Shared:
    """What a whole call says beside its mails; tracking as it was given, None where it was not."""

    configuration_set: str | None
    tenant: str | None
    open_tracking: str | None
    click_tracking: str | None


@dataclass(frozen=True, slots=True)
class Call:
    operation: str
    source: str
    """The sender as given, perhaps with a display name."""
    senders: tuple[str, ...]
    """The bare addresses that must be verified."""
    shared: Shared
    entries: list[Entry]

    @property
    def configuration_set(self) -> str | None:
        return self.shared.configuration_set

    @property
    def recipients(self) -> list[str]:
        return [recipient for entry in self.entries for recipient in entry.recipients]


def read_call(operation: str, body: object, size_bytes: int, faults_alone: bool) -> Call:
    """The call in a request's JSON; `faults_alone`: a bad entry of a bulk call spoils only itself.

    Raises Invalid, and Refusal where the stand-in cannot do what is asked.
    """
    if operation == "SendBulkEmail":
        required = ("DefaultContent", "BulkEmailEntries")
        return _bulk(members(body, "request", _BULK, required), size_bytes, faults_alone)
    return _single(members(body, "request", _EMAIL, ["Content"]), size_bytes)


def _bulk(body: Mapping[str, object], size_bytes: int, faults_alone: bool) -> Call:
    _inline_size(size_bytes)
    source, shared = _source(body), _shared_headers(body)
    content = members(body["DefaultContent"], "DefaultContent", frozenset({"Template"}))
    template, data, headers = _template(content.get("Template"))
    tags = limits.tags(body.get("DefaultEmailTags", []), "DefaultEmailTags")
    entries = items(body["BulkEmailEntries"], "BulkEmailEntries")
    if not 1 <= len(entries) <= limits.MAX_ENTRIES:
        raise Invalid(f"{len(entries)} entries, 1 to {limits.MAX_ENTRIES} are allowed")
    read = []
    for number, entry in enumerate(entries):
        try:
            read.append(_entry(entry, f"entry {number}", shared, template, data, headers, tags))
        except Invalid as error:
            if not faults_alone:
                raise
            read.append(Entry((), [], {}, Fixed("", None, None), fault=str(error)))
    return Call("SendBulkEmail", source, (address(source, "From"),), _shared(body), read)


def _entry(
    value: object,
    where: str,
    shared: list[Pair],
    template: Template,
    default_data: Mapping[str, str],
    default_headers: list[Pair],
    default_tags: Mapping[str, str],
) -> Entry:
    entry = members(value, where, _ENTRY, ["Destination"])
    recipients, addressed = _destination(entry["Destination"], where)
    headers = default_headers
    if "ReplacementHeaders" in entry:
        given = limits.headers(entry["ReplacementHeaders"], where)
        names = {name.lower() for name, _ in given}
        headers = [pair for pair in headers if pair[0].lower() not in names] + given
        if len(headers) > limits.MAX_HEADERS:
            raise Invalid(f"{where} has {len(headers)} headers with those of the template")
    data = default_data
    if "ReplacementEmailContent" in entry:
        data = {**data, **_replacement_data(entry["ReplacementEmailContent"], where)}
    tags = default_tags
    if "ReplacementTags" in entry:
        tags = {**tags, **limits.tags(entry["ReplacementTags"], where)}
    content = filled(template, data)
    return Entry(
        recipients, [*shared, *addressed, ("Subject", content.subject), *headers], tags, content
    )


def _replacement_data(value: object, where: str) -> Mapping[str, str]:
    inner = members(value, where, frozenset({"ReplacementTemplate"})).get("ReplacementTemplate", {})
    replaced = members(inner, where, frozenset({"ReplacementTemplateData"}))
    return limits.template_data(replaced.get("ReplacementTemplateData", "{}"), where)


def _single(body: Mapping[str, object], size_bytes: int) -> Call:
    content = members(body["Content"], "Content", frozenset({"Simple", "Raw", "Template"}))
    if len(content) != 1:
        raise Invalid("Content is one of Simple, Raw and Template")
    if "ListManagementOptions" in body:
        raise _not_here("ListManagementOptions")
    tags = limits.tags(body.get("EmailTags", []), "EmailTags")
    if "Raw" in content:
        return _raw(body, content["Raw"], tags)
    source, shared = _source(body), _shared_headers(body)
    recipients, addressed = _destination(body.get("Destination"), "Destination")
    made: Content
    if "Simple" in content:
        made, headers = _simple(content["Simple"])
    else:
        _inline_size(size_bytes)
        template, data, headers = _template(content["Template"])
        made = filled(template, data)
    headers = [*shared, *addressed, ("Subject", made.subject), *headers]
    entry = Entry(recipients, headers, tags, made)
    return Call("SendEmail", source, (address(source, "From"),), _shared(body), [entry])


def _simple(value: object) -> tuple[Fixed, list[Pair]]:
    simple = members(
        value, "Simple", frozenset({"Subject", "Body", "Headers"}) | _NOT_HERE, ["Subject", "Body"]
    )
    if "Attachments" in simple:
        raise _not_here("Attachments")
    subject = _data(simple["Subject"], "Subject")
    if any(ord(character) < 32 for character in subject):
        raise Invalid("a control character in the subject")
    body = members(simple["Body"], "Body", frozenset({"Text", "Html"}))
    if not body:
        raise Invalid("Body has neither Text nor Html")
    html = _data(body["Html"], "Html") if "Html" in body else None
    text = _data(body["Text"], "Text") if "Text" in body else None
    return Fixed(subject, html, text), limits.headers(simple.get("Headers", []), "Headers")


def _data(value: object, where: str) -> str:
    return string(members(value, where, frozenset({"Data", "Charset"}), ["Data"])["Data"], where)


def _template(value: object) -> tuple[Template, Mapping[str, str], list[Pair]]:
    given = members(value, "Template", _TEMPLATE)
    for name in _NOT_HERE & given.keys():
        raise _not_here(name)
    if "TemplateName" in given:
        raise Refusal(404, "NotFoundException", f"Template {given['TemplateName']} does not exist")
    names = frozenset({"Subject", "Text", "Html"})
    content = members(given.get("TemplateContent"), "TemplateContent", names, ["Subject"])
    parts = {name: string(part, name) for name, part in content.items()}
    if not parts.keys() & {"Text", "Html"}:
        raise Invalid("TemplateContent has neither Text nor Html")
    template = compile_template(parts["Subject"], parts.get("Html"), parts.get("Text"))
    data = limits.template_data(given.get("TemplateData", "{}"), "TemplateData")
    return template, data, limits.headers(given.get("Headers", []), "Headers")


def _raw(body: Mapping[str, object], value: object, tags: Mapping[str, str]) -> Call:
    encoded = string(members(value, "Raw", frozenset({"Data"}), ["Data"])["Data"], "Data")
    try:
        data = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise Invalid(f"Data is not base64: {error}") from error
    head = email.parser.HeaderParser().parsestr(limits.raw_message(data).decode())
    headers = [(name, _decoded(value)) for name, value in head.items()]
    names = [name.lower() for name, _ in headers]
    for name in limits.ONCE_IN_RAW:
        if names.count(name) > 1:
            raise Invalid(f"Duplicate header '{name}'")
    if "from" not in names:
        raise Invalid("Missing required header 'From'.")
    author = _unfolded(str(head["From"]))
    source = string(body.get("FromEmailAddress", author), "FromEmailAddress")
    if "Destination" in body:
        recipients, _ = _destination(body["Destination"], "Destination")
    else:
        fields = [str(head[name]) for name in ("To", "Cc", "Bcc") if name in head]
        found = [found for _, found in email.utils.getaddresses(fields)]
        recipients, _ = _destination({"ToAddresses": found}, "message")
    kept = [
        pair
        for pair, name in zip(headers, names, strict=True)
        if name not in _NOT_IN_MAILBOX and not name.startswith(("content-", "x-ses-"))
    ]
    content = Mime(data, dict(headers).get("Subject", ""))
    if not tags and "X-SES-MESSAGE-TAGS" in head:
        tags = _tags_of_header(str(head["X-SES-MESSAGE-TAGS"]))
    shared = _shared(body, head.get("X-SES-CONFIGURATION-SET"))
    senders = (address(source, "From"), address(author, "From"))
    entry = Entry(recipients, kept, tags, content)
    return Call("SendEmail", source, senders, shared, [entry])


def _decoded(value: str) -> str:
    if "=?" not in value:
        return _unfolded(value)
    return str(email.header.make_header(email.header.decode_header(_unfolded(value))))


def _unfolded(value: str) -> str:
    return "".join(value.splitlines())


def _tags_of_header(value: str) -> dict[str, str]:
    pairs = [word.strip().partition("=") for word in value.split(",")]
    return limits.tags([{"Name": n, "Value": v} for n, _, v in pairs], "X-SES-MESSAGE-TAGS")


def _source(body: Mapping[str, object]) -> str:
    return string(body.get("FromEmailAddress"), "FromEmailAddress")


def _shared(body: Mapping[str, object], set_of_header: str | None = None) -> Shared:
    overrides = members(
        body.get("ConfigurationOverrides", {}), "ConfigurationOverrides", frozenset({"Tracking"})
    )
    tracking = members(overrides.get("Tracking", {}), "Tracking", _TRACKING)
    for name, value in tracking.items():
        if value not in ("ENABLED", "DISABLED"):
            raise Invalid(f"{name} {value!r}: ENABLED or DISABLED")
    given = {
        name: string(body[name], name)
        for name in ("ConfigurationSetName", "TenantName")
        if name in body
    }
    chosen = {name: str(value) for name, value in tracking.items()}
    return Shared(
        configuration_set=given.get("ConfigurationSetName") or set_of_header,
        tenant=given.get("TenantName"),
        open_tracking=chosen.get("OpenTrackingEnabled"),
        click_tracking=chosen.get("ClickTrackingEnabled"),
    )


def _shared_headers(body: Mapping[str, object]) -> list[Pair]:
    """From and Reply-To, the same in each mail of a call."""
    headers = [("From", _decoded(_source(body)))]
    replies = items(body.get("ReplyToAddresses", []), "ReplyToAddresses")
    for reply in replies:
        address(reply, "ReplyToAddresses")
    if replies:
        headers.append(("Reply-To", _decoded(", ".join(map(str, replies)))))
    return headers


def _destination(value: object, where: str) -> tuple[tuple[str, ...], list[Pair]]:
    """Bare addresses, and the headers that show them."""
    fields = members(value, where, _DESTINATION)
    recipients: list[str] = []
    headers = []
    for field, header in (("ToAddresses", "To"), ("CcAddresses", "Cc"), ("BccAddresses", "")):
        given = items(fields.get(field, []), where)
        recipients += [address(text, where) for text in given]
        if given and header:
            headers.append((header, _decoded(", ".join(map(str, given)))))
    if not 1 <= len(recipients) <= limits.MAX_RECIPIENTS:
        raise Invalid(f"{where} has {len(recipients)} recipients, 1 to 50 are allowed")
    return tuple(recipients), headers


def _inline_size(size_bytes: int) -> None:
    if size_bytes > limits.MAX_INLINE_REQUEST_BYTES:
        raise Invalid(f"a request of {size_bytes} bytes with an inline template: 1 MB is the most")


def _not_here(name: str) -> Refusal:
    return Refusal(501, "NotInStandIn", f"the stand-in does not know {name}")
