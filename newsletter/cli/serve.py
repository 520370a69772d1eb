"""`newsletter serve`: the public pages."""

from typing import TYPE_CHECKING

import click

from newsletter.cli.frame import Session, command, examples
from newsletter.cli.sends import warn_if_restored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.supervising import SideThread
    from newsletter.web.site import Site


@click.command(epilog=examples("serve", "serve --host 0.0.0.0 --port 8080"))
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 picks one."
)
@command
def serve(session: Session, host: str, port: int) -> None:
    """Serve the public pages for readers, and the hook for providers."""
    from newsletter.http.server import listen, url_of
    from newsletter.supervising import SideThread
    from newsletter.transports import open_transport
    from newsletter.web.app import make_app
    from newsletter.web.mailer import Mailer
    from newsletter.web.server import run
    from newsletter.web.site import Site

    warn_if_restored(session)
    site = Site.of(session.project, session.store)
    warn_of_english(session, site)
    transport = open_transport(session.project)
    mailer = SideThread("mailer", lambda side: Mailer(site, transport, side.stop, side.beat).run())
    app = make_app(site, [mailer, *_telling(session)])

    def ready() -> None:
        if session.json:
            session.emit({"url": url_of(listening)})
        else:
            session.console.print(f"Serving at {url_of(listening)} (Ctrl-C stops it).")
        session.console.file.flush()

    with listen(host, port) as listening:
        run(app, listening, ready, session.project.settings.web.trusted_proxies)


def _telling(session: Session) -> "Sequence[SideThread]":
    """What tells other programs, which needs no library where there is none."""
    if not session.project.settings.webhooks:
        return ()
    from newsletter.webhooks.delivering import deliveries, threads

    return threads(deliveries(session.project, session.store, session.clock))


def warn_of_english(session: Session, site: "Site") -> None:
    """Say on stderr that the pages are not in the newsletter's language, and what to do."""
    language = session.project.settings.newsletter.language
    if site.texts["language"] != language:
        session.notes.print(
            f"The public pages are in English: there are no words for {language}.",
            f"  Write them in templates/texts/{language}.toml: docs/web.md.",
            sep="\n",
            style="yellow",
        )
