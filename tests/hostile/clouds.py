"""AWS that is away, slow, cross or not AWS at all; wrong credentials and settings of it."""

import datetime as dt
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

from tests.answering import Reply, answering, breaks_off, hangs_up, says
from tests.hostile.backing import SECRET_KEY
from tests.hostile.commands import Command
from tests.hostile.environments import wrong_clock
from tests.hostile.scene import Scene
from tests.hostile.surroundings import surrounding
from tests.integration.doctor.site import TLS

_ENDPOINTS = ("NEWSLETTER_TRANSPORT__SES__ENDPOINT_URL", "NEWSLETTER_EVENTS__ENDPOINT_URL")
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_REGIONS = ("AWS_REGION", "NEWSLETTER_TRANSPORT__SES__REGION")
_FORM = "application/x-www-form-urlencoded"  # of SNS and STS, which answer in XML


def _asks_aws(command: Command) -> bool:
    return bool(command.servers & {"ses", "aws", "queue"}) and not command.on_postgresql


def _mails(command: Command) -> bool:
    return command.name in ("send by SES", "worker --once by SES", "test by SES")


def _cloud(
    name: str,
    *,
    harmless: bool = False,
    where: Callable[[Command], bool] = lambda command: True,
) -> Callable[[Callable[[Scene], Iterator[None]]], Callable[[Scene], Iterator[None]]]:
    return surrounding(
        name,
        harmless=harmless,
        where=lambda command: _asks_aws(command) and where(command),
        kind="aws",
    )


def _leads_to(scene: Scene, url: str) -> None:
    for name in _ENDPOINTS:
        if name in scene.environment:
            scene.environment[name] = url


# --- another answers ------------------------------------------------------------------------------


def _refuses(status: int, code: str, text: str) -> Reply:
    """In the form in which the service that was asked says it."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        if handler.headers.get("Content-Type", "").startswith(_FORM):
            error = (
                f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{text}</Message></Error>"
            )
            body = f"<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"
            return says(status, body.encode(), "text/xml")(handler)
        content = json.dumps({"__type": code, "message": text})
        types = {"x_amzn_ErrorType": code}
        return says(status, content.encode(), "application/json", **types)(handler)

    return reply


def _has_another_clock(handler: BaseHTTPRequestHandler) -> None:
    """As AWS says it: the time of the signature, the least it takes, and its own time."""
    now = dt.datetime.now(dt.UTC)
    least = now - dt.timedelta(minutes=5)
    signed = handler.headers.get("X-Amz-Date", "")
    text = (
        f"Signature expired: {signed} is now earlier than {least:%Y%m%dT%H%M%SZ} "
        f"({now:%Y%m%dT%H%M%SZ} - 5 min.)"
    )
    _refuses(403, "SignatureDoesNotMatch", text)(handler)


_PAGE = b"<html><body>Sign in to the network</body></html>"
for _what, _reply in (
    ("answers 500", _refuses(500, "InternalFailure", "Internal failure")),
    ("answers 503", says(503, b"<html><body>Service Unavailable</body></html>")),
    ("answers 429", _refuses(429, "TooManyRequestsException", "Too many requests.")),
    ("answers with a page where one signs in to the network", says(200, _PAGE)),
    ("is elsewhere now", says(302, b"", Location="http://127.0.0.1:9/")),
    ("answers with nothing", says(200, b"")),
    ("answers with noise", says(200, bytes(range(256)) * 8, "application/json")),
    ("answers with half of an answer", breaks_off),
    ("hangs up", hangs_up),
    (
        "says that the session has expired",
        _refuses(403, "ExpiredTokenException", "The security token in the request is expired"),
    ),
    (
        "does not know the key",
        _refuses(403, "UnrecognizedClientException", "The security token is invalid."),
    ),
    (
        "says that the secret is not that of the key",
        _refuses(403, "SignatureDoesNotMatch", "The signature does not match."),
    ),
    ("allows nothing", _refuses(403, "AccessDeniedException", "User: x is not authorized")),
    ("is not signed up for", _refuses(403, "OptInRequired", "You need to sign up.")),
):

    @_cloud(f"AWS {_what}")
    def _(scene: Scene, reply: Reply = _reply) -> Iterator[None]:
        with answering(reply) as port:
            _leads_to(scene, f"http://127.0.0.1:{port}")
            yield


for _clock in ("+6h", "-1h"):

    @_cloud(f"the clock says {_clock}, and AWS refuses its signatures")
    def _(scene: Scene, clock: str = _clock) -> Iterator[None]:
        with answering(_has_another_clock) as port:
            _leads_to(scene, f"http://127.0.0.1:{port}")
            scene.environment |= wrong_clock(clock, scene.environment)
            yield
        assert scene.answer is not None
        said = scene.answer.out + scene.answer.err
        assert scene.command.stays or "clock of AWS" in said, (
            f"it does not speak of the clock: {said}"
        )


# --- nobody answers -------------------------------------------------------------------------------


@_cloud("nobody listens where AWS should")
def _(scene: Scene) -> Iterator[None]:
    _leads_to(scene, "http://127.0.0.1:9")
    yield


@_cloud("the name of AWS does not resolve")
def _(scene: Scene) -> Iterator[None]:
    _leads_to(scene, "https://email.invalid")
    yield


@_cloud(
    "AWS takes calls and never answers",
    where=lambda command: command.matters or "once" in command.name or "dry-run" in command.name,
)
def _(scene: Scene) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        _leads_to(scene, f"http://127.0.0.1:{listening.getsockname()[1]}")
        yield


@_cloud("the certificate of AWS is nobody's")
def _(scene: Scene) -> Iterator[None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "other-host.pem")
    with answering(says(200, b"{}"), context) as port:
        _leads_to(scene, f"https://127.0.0.1:{port}")
        yield


@_cloud("AWS does not speak TLS")
def _(scene: Scene) -> Iterator[None]:
    with answering(says(200, b"{}")) as port:
        _leads_to(scene, f"https://127.0.0.1:{port}")
        yield


@_cloud("the endpoint is no URL")
def _(scene: Scene) -> Iterator[None]:
    _leads_to(scene, "email.us-east-1")
    yield


@_cloud("the proxy is not there")
def _(scene: Scene) -> Iterator[None]:
    scene.environment["HTTP_PROXY"] = f"http://me:{SECRET_KEY}@127.0.0.1:9"
    yield


@_cloud("the proxy wants a password")
def _(scene: Scene) -> Iterator[None]:
    with answering(says(407, b"", Proxy_Authenticate="Basic")) as port:
        scene.environment["HTTP_PROXY"] = f"http://me:{SECRET_KEY}@127.0.0.1:{port}"
        yield


# --- credentials and settings ---------------------------------------------------------------------


def _set(name: str, *without: str, harmless: bool = False, **values: str) -> None:
    @_cloud(name, harmless=harmless)
    def _(scene: Scene) -> Iterator[None]:
        for variable in without:
            scene.environment.pop(variable, None)
        scene.environment |= values
        yield


_set("there are no credentials", *_KEYS)
_set("there is a key, and no secret", "AWS_SECRET_ACCESS_KEY")
_set("the secret ends with a line break", AWS_SECRET_ACCESS_KEY=f"{SECRET_KEY}\n")
_set("the key is in another alphabet", AWS_ACCESS_KEY_ID="ключ")
_set(
    "the machine has a role, and does not tell it",
    *_KEYS,
    AWS_CONTAINER_CREDENTIALS_FULL_URI="http://127.0.0.1:9/role",
)
_set(
    "the token of the web identity is missing",
    *_KEYS,
    AWS_WEB_IDENTITY_TOKEN_FILE="/nonexistent/token",
    AWS_ROLE_ARN="arn:aws:iam::123456789012:role/news",
)
_set("no region is set", *_REGIONS)
_set("the region is nonsense", NEWSLETTER_TRANSPORT__SES__REGION="no where")
_set("AWS_RETRY_MODE is nonsense", AWS_RETRY_MODE="often")
_set("AWS_DEFAULTS_MODE is nonsense", AWS_DEFAULTS_MODE="often")
_set("the SDK is told to try once", AWS_MAX_ATTEMPTS="1", AWS_RETRY_MODE="adaptive", harmless=True)


def _with_profile(name: str, text: str) -> None:
    @_cloud(name)
    def _(scene: Scene) -> Iterator[None]:
        file = scene.stage.beside / "aws.config"
        file.write_text(text)
        for variable in _KEYS:
            del scene.environment[variable]
        scene.environment["AWS_CONFIG_FILE"] = str(file)
        yield
        file.unlink()


_with_profile(
    "the credential_process fails",
    f'[default]\ncredential_process = sh -c "echo {SECRET_KEY} >&2; exit 3"\n',
)
_with_profile(
    "the credential_process prints something else",
    f"[default]\ncredential_process = echo {SECRET_KEY}\n",
)
_with_profile("the file of profiles is broken", "[default\nregion us-east-1\n")
_with_profile(
    "the profile takes a role by way of itself",
    "[default]\nrole_arn = arn:aws:iam::123456789012:role/news\nsource_profile = default\n",
)
_with_profile(
    "nobody has signed in",
    "[default]\nsso_start_url = https://sso.invalid/start\nsso_region = us-east-1\n"
    "sso_account_id = 123456789012\nsso_role_name = news\n",
)


# --- SES itself -----------------------------------------------------------------------------------


def _ses(name: str, *, harmless: bool = False, **faults: object) -> None:
    @_cloud(name, harmless=harmless, where=_mails)
    def _(scene: Scene) -> Iterator[None]:
        assert scene.backing.ses is not None
        scene.backing.ses.configure(**faults)
        yield
        scene.backing.ses.configure(latency_ms=0)
        scene.backing.ses.clear()


_ses("SES answers after a third of a second", latency_ms=300, harmless=True)
_ses("SES asks for patience three times", too_many_requests=3, harmless=True)
_ses("the quota of SES is used up", quota_exceeded=True)
_ses("SES has paused the account", sending_paused=True)
_ses("SES has suspended the account", account_suspended=True)
_ses("the session of SES expires", expired_token=True)
_ses("SES takes mails and answers 500", error_after=True)
_ses("SES takes mails and resets the connection", reset_after=True)
_ses("SES takes mails and breaks off", cut_off=True)
_ses("SES takes mails and a page comes back", html_body=True)
_ses("SES takes mails and answers with noise", binary_body=True)
_ses("SES answers for fewer than it was given", wrong_count=True)
_ses("SES answers in words that nobody knows", unknown_status=True)
_ses("SES resets connections before it takes a mail", reset_before=True)
_ses("a gateway before SES answers 502", bad_gateway_before=True)
