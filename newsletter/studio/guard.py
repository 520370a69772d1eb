"""Who may ask: a browser of this machine with the token of this run, from the studio's own pages.

Any page on the web can send requests to this machine, and any other user of it can reach its ports.
So the Host must be ours (or a name that is made to lead here would do), the token must come with
each request as a cookie, and what changes anything must come from our own origin.
https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site

Where a run may change less than all, whatever is not known to change nothing is refused here,
before any route sees it.
"""

import logging
import re
import secrets
from enum import StrEnum
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter.errors import place_in_code

MAIL_POLICY = (
    "default-src 'none'; img-src 'self' https: http: data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-same-origin"
)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; "
    "img-src 'self' https: http: data:; connect-src 'self'; frame-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_READS = ("GET", "HEAD")
# They only show something: what is asked for is too long, or too private, for a path.
_SHOWING = re.compile(r"/issues/[^/]+/shown|/audience/(explained|suppressed)")
_WRITING = re.compile(r"/issues/[^/]+/(source|pictures|tests|open)")

_log = logging.getLogger("newsletter.studio")


class Rights(StrEnum):
    """What a run of the studio may change."""

    ALL = "all"
    ISSUES = "issues"  # write and try them out; sends and readers are only shown
    NOTHING = "nothing"

    def allow(self, method: str, path: str) -> bool:
        if self is Rights.ALL or method in _READS or _SHOWING.fullmatch(path):
            return True
        return self is Rights.ISSUES and _WRITING.fullmatch(path) is not None


class Guard:
    """Stands around the whole application. `origin` is `http://127.0.0.1:<port>`."""

    def __init__(self, app: ASGIApp, origin: str, token: str, rights: Rights = Rights.ALL) -> None:
        self._app = app
        self._rights = rights
        self._token = token
        port = origin.rpartition(":")[2]
        hosts = ("127.0.0.1", "localhost", "[::1]")
        self._origins = {f"http://{host}:{port}" for host in hosts}
        self._cookie = f"studio-{port}"  # cookies do not tell ports apart

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {}).update(nonce=nonce, rights=self._rights)
        guarded = _Answer(send, nonce)
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, guarded)
        elif (redirect := self._taken_in(scope)) is not None:
            await redirect(scope, receive, guarded)
        elif not self._has_token(Headers(scope=scope)):
            await _refused("Open the address that `newsletter studio` printed: it has the key.")(
                scope, receive, guarded
            )
        elif not self._rights.allow(scope["method"], scope["path"]):
            await _not_here(self._rights)(scope, receive, guarded)
        else:
            try:
                await self._app(scope, receive, guarded)
            except Exception as error:  # noqa: BLE001 -- the last resort of a request, answered already
                place = place_in_code(error) or "?"
                _log.error("fail", {"error": type(error).__name__, "at": place})

    def _refusal(self, scope: Scope) -> Response | None:
        """Why a request is not answered at all, whoever it comes from."""
        headers = Headers(scope=scope)
        origin = f"http://{headers.get('host', '')}"
        if origin not in self._origins:
            return _refused("This is not an address of the studio.")
        site = headers.get("sec-fetch-site", "same-origin")
        if scope["method"] in _READS:
            is_ours = site in ("same-origin", "none")
        else:
            is_ours = headers.get("origin") == origin and site == "same-origin"
        return None if is_ours else _refused("Only the studio's own pages may ask this.")

    def _taken_in(self, scope: Scope) -> Response | None:
        """A redirect to the same page without the token, which the browser has as a cookie then."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        tokens = [value for name, value in query if name == "token"]
        if scope["method"] not in _READS or not tokens or not self._is_token(tokens[0]):
            return None
        rest = urlencode([pair for pair in query if pair[0] != "token"])
        path = scope["raw_path"].decode("latin-1").lstrip("/")
        response = Response(
            status_code=303, headers={"Location": f"/{path}" + (f"?{rest}" if rest else "")}
        )
        response.set_cookie(self._cookie, self._token, httponly=True, samesite="strict", path="/")
        return response

    def _has_token(self, headers: Headers) -> bool:
        cookies = SimpleCookie()
        for line in headers.getlist("cookie"):
            try:
                cookies.load(line)
            except CookieError:  # of another program on this machine
                continue
        morsel = cookies.get(self._cookie)
        return morsel is not None and self._is_token(morsel.value)

    def _is_token(self, text: str) -> bool:
        return secrets.compare_digest(text.encode(), self._token.encode())


def _refused(words: str) -> Response:
    return PlainTextResponse(f"{words}\n", status_code=403)


def _not_here(rights: Rights) -> Response:
    """In the shape in which all that a page asks for is refused."""
    what = "sends and readers" if rights is Rights.ISSUES else "anything"
    fault = {
        "message": f"this run of the studio does not change {what}",
        "where": None,
        "hint": "Who may: newsletter studio, without --editor and --read-only.",
        "line": None,
    }
    return JSONResponse({"error": {**fault, "lines": []}}, status_code=403)


class _Answer:
    """`send`, with the security headers that an answer does not set itself."""

    def __init__(self, send: Send, nonce: str) -> None:
        self._send = send
        self._policy = _POLICY.format(nonce=nonce)

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("Content-Security-Policy", self._policy)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)
