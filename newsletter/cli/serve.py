"""`newsletter serve`: the public pages."""

import click

from newsletter.cli.frame import Session, command


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 picks one."
)
@command
def serve(session: Session, host: str, port: int) -> None:
    """Serve the public pages: unsubscribe, preferences, subscribe, archive, events."""
    import uvicorn

    from newsletter.web.app import make_app
    from newsletter.web.site import Site

    app = make_app(Site.of(session.project, session.store))
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)
