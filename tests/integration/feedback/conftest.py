"""One AWS for a run, and the newsletter that drains its queue."""

from collections.abc import Iterator

import pytest

from tests.integration.feedback.aws import Aws, running_aws


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    with running_aws() as found:
        yield found
