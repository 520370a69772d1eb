"""Routes that send an issue as a test."""

from typing import Any

from fastapi import FastAPI

from newsletter.errors import ConfigurationError
from newsletter.studio.session import Studio
from newsletter.studio.wishes import TrialWish


def add(app: FastAPI, studio: Studio) -> None:
    @app.post("/issues/{stem}/tests")
    def send_test(stem: str, trial: TrialWish) -> dict[str, Any]:
        """Mail the issue as its file is now, the very way of `newsletter test`."""
        from newsletter.desk.prepare import prepare, refuse
        from newsletter.operations import records
        from newsletter.operations.trials import try_out, warnings
        from newsletter.operations.worker import open_worker
        from newsletter.project import utc_now
        from newsletter.store.clock import clock_of
        from newsletter.studio.recipients import remember

        addresses = trial.addresses()
        path = studio.path_of(stem)
        with studio.rendering:
            prepared = prepare(studio.project, str(path))
        refuse(prepared, prepared.errors)
        store, notes = studio.store, list(warnings(studio.store, prepared))
        worker = open_worker(studio.project, store, notes.append, clock_of(store, utc_now))
        trials = try_out(worker, studio.project, prepared, addresses)
        try:
            remember(studio.project, [address.text for address in addresses])
        except ConfigurationError as error:  # the mails have left all the same
            notes.append(f"{error.message} ({error.where})")
        return {"tests": [records.trial(each) for each in trials], "notes": notes}
