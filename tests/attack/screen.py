"""A page in Chromium, with hooks that notice whatever a script could do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, Route

from tests.browser.conftest import context_of
from tests.integration.publishing import Answer

SITE = "https://site.example"
# Script code of the payloads calls this. It must not be there under any other name.
_HOOK = "window.pwned = (...said) => console.log('PWNED', String(said))"
_META_POLICY = re.compile(rb'<meta http-equiv="Content-Security-Policy"[^>]*>')

# Each element or attribute that could run code or load any, as the browser has understood it.
_DANGERS = """() => {
  const elements = new Set(('script iframe frame frameset object embed applet base template ' +
    'noscript portal video audio plaintext xmp').split(' '));
  const addresses = new Set('href src action formaction data poster background cite'.split(' '));
  const schemes = new Set(['http:', 'https:', 'mailto:']);
  const links = new Set(['stylesheet', 'canonical', 'alternate']);
  const loading = /url\\s*\\(|expression|binding|behavior|@import|evil/i;
  const found = [];
  const note = (element, what) => found.push(what + ' in ' + element.outerHTML.slice(0, 200));
  for (const element of document.querySelectorAll('*')) {
    const kind = element.localName;
    if (element.namespaceURI !== 'http://www.w3.org/1999/xhtml') note(element, 'another language');
    if (elements.has(kind) || /[-:]/.test(kind)) note(element, kind);
    if (kind === 'meta' && /refresh/i.test(element.httpEquiv)) note(element, 'refresh');
    if (kind === 'link' && !links.has(element.rel)) note(element, 'link');
    if (kind === 'style' && loading.test(element.textContent)) note(element, 'style sheet');
    for (const {name, value} of element.attributes) {
      if (/^on|^srcdoc$|^srcset$|^ping$|:href$/i.test(name)) note(element, name);
      if (name === 'style' && loading.test(value)) note(element, 'style');
      if (addresses.has(name) && URL.canParse(value, document.baseURI)) {
        const scheme = new URL(value, document.baseURI).protocol;
        if (!schemes.has(scheme)) note(element, scheme);
      }
    }
  }
  return found;
}"""


class Screen:
    """Shows answers of a site, and lists what scripts did or could have done."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._shown = b""
        self._headers: dict[str, str] = {}
        self._found: list[str] = []
        self._address = ""
        self._count = 0
        page.add_init_script(_HOOK)
        page.route("**/*", self._route)
        page.on("dialog", self._dialog)
        page.on("console", self._console)
        page.on("request", self._request)

    def dangers(self, answer: Answer, *, protected: bool) -> list[str]:
        """What went wrong with a page. One that is not `protected` has its HTML alone: its policy
        refuses nothing, but tells of what it would."""
        policy = answer.headers.get("Content-Security-Policy", "")
        name = "Content-Security-Policy" if protected else "Content-Security-Policy-Report-Only"
        self._headers = {"Content-Type": answer.headers["Content-Type"]}
        if policy:
            self._headers[name] = policy
        self._shown = answer.content if protected else _META_POLICY.sub(b"", answer.content)
        self._found = []
        self._count += 1
        self._address = f"{SITE}/page/{self._count}"
        self._page.goto(self._address, wait_until="load")
        return [*self._found, *self._page.evaluate(_DANGERS)]

    def _route(self, route: Route) -> None:
        if route.request.url == self._address:
            route.fulfill(status=200, headers=self._headers, body=self._shown)
        elif route.request.url.endswith("/static/style.css"):
            route.fulfill(status=200, content_type="text/css", body="")
        elif route.request.resource_type == "image":
            route.abort()  # so that onerror has its chance
        else:
            route.fulfill(status=204)  # a page that is left for nothing stays

    def _dialog(self, dialog: Dialog) -> None:
        self._found.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: ConsoleMessage) -> None:
        said = message.text
        if "PWNED" in said or re.search(r"Refused to (?!load the image)|violates", said):
            self._found.append(f"the console: {said}")

    def _request(self, request: Request) -> None:
        own = request.url == self._address or request.url.endswith("/static/style.css")
        if not own and request.resource_type != "image":
            self._found.append(f"a {request.resource_type} was asked for: {request.url}")


@contextmanager
def screen(browser: Browser) -> Iterator[Screen]:
    context = context_of(browser)
    try:
        yield Screen(context.new_page())
    finally:
        context.close()
