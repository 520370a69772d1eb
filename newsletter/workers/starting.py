"""Starting a worker where it and its store fit together."""

from collections.abc import Callable

from newsletter.model.send import Send
from newsletter.sending.worker import Worker
from newsletter.workers.checking import check


def start(worker: Worker, settled: Callable[[Send], bool]) -> None:
    """Work as `newsletter.workers.run` says, if `newsletter.workers.checking` finds no fault."""
    check(worker.store)
    from newsletter.workers.chores import chores_of  # noqa: PLC0415 -- needs what was checked
    from newsletter.workers.run import run  # noqa: PLC0415 -- as above

    run(worker, chores_of(worker), settled)
