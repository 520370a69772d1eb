"""Checks of the content of a send before it is sealed, whichever command seals it."""

import datetime as dt
from collections.abc import Callable

from newsletter import scaffold
from newsletter.desk import dates
from newsletter.desk.prepare import Prepared, refuse
from newsletter.model.approval import Provenance
from newsletter.operations.provenance import provenance_of
from newsletter.project import Project
from newsletter.sending import preflight
from newsletter.sending.worker import Worker


def check_content(
    project: Project,
    worker: Worker,
    prepared: Prepared,
    list_name: str,
    goes_out: dt.datetime,
    warn: Callable[[str], None],
) -> Provenance:
    """Warn of fields that nobody fills and of an old date; returns what stands for the content.

    Raises Refused where the policy wants more first: a test, a branch, an approval; FindingsError
    or ConfigurationError where readers would get what a scaffold says.
    """
    settings = project.settings
    for warning in preflight.check_fields(worker.store, prepared.email, list_name):
        warn(warning)
    if warning := dates.outdated(prepared.digest, goes_out, settings.newsletter.timezone):
        warn(f"{warning}.")
    if settings.policy.require_test:
        content_hash, slug = prepared.email.content_hash, prepared.digest.slug
        preflight.check_tested(worker.store, content_hash, slug)
    if worker.transport.reaches_readers:
        refuse(prepared, tuple(scaffold.untouched(prepared.digest)))
        scaffold.check_identity(settings)
    return provenance_of(project, worker.store, prepared)
