"""Routes by which an operator decides about a send. Each goes through the service of its command.

What cannot be taken back wants to be typed: the send's id, or the number of its recipients.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import FastAPI

from newsletter.errors import Refused
from newsletter.model.send import Send
from newsletter.studio.live import record
from newsletter.studio.sends import IdInPath
from newsletter.studio.session import Studio
from newsletter.studio.wishes import DecisionWish, TypedWish
from newsletter.transports import clear


def add(app: FastAPI, studio: Studio) -> None:
    if studio.only is not None:
        return

    clearing = partial(clear, studio.project)

    def done(decide: Callable[[], Send]) -> dict[str, Any]:
        send = decide()
        studio.kept.forget()
        zone = studio.project.settings.newsletter.timezone
        return {"send": record(send, None, studio.clock(), zone)}

    @app.post("/sends/{send_id}/pause")
    def pause(send_id: IdInPath) -> dict[str, Any]:
        from newsletter.sending import control

        return done(lambda: control.pause(studio.store, send_id, studio.clock, who=studio.who))

    @app.post("/sends/{send_id}/resume")
    def resume(send_id: IdInPath) -> dict[str, Any]:
        """Leave it to workers. Where none lives, the page shows the command that goes on with
        it."""
        from newsletter.operations.resume import hand_over
        from newsletter.operations.worker import open_worker

        worker = open_worker(studio.project, studio.store, lambda line: None, studio.clock)
        return done(lambda: hand_over(worker, send_id, who=studio.who))

    @app.post("/sends/{send_id}/cancel")
    def cancel(send_id: IdInPath, wish: TypedWish) -> dict[str, Any]:
        from newsletter.sending import control
        from newsletter.sending.reading import read

        _confirm(read(studio.store, send_id), wish.typed)
        return done(
            lambda: control.cancel(studio.store, send_id, studio.clock, studio.who, clearing)
        )

    @app.post("/sends/{send_id}/resolve")
    def resolve(send_id: IdInPath, wish: DecisionWish) -> dict[str, Any]:
        from newsletter.sending import control
        from newsletter.sending.reading import read

        _confirm(read(studio.store, send_id), wish.typed)
        decision = control.Decision(wish.decision)
        return done(
            lambda: control.resolve(
                studio.store, send_id, decision, studio.clock, studio.who, clearing
            )
        )


def _confirm(send: Send, typed: str) -> None:
    """Raises Refused unless somebody has typed which send this is about."""
    recipients = send.counts.recipients
    number = "".join(sign for sign in typed if sign not in " ,.’'\u00a0\u202f")
    if typed.strip() != send.id and not (recipients and number == str(recipients)):
        raise Refused(
            "it was not confirmed",
            hint=f"Type {send.id}, or the number of its recipients. Nothing was changed.",
        )
