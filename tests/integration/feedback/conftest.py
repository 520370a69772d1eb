"""One AWS for the tests of a module, and the newsletter that drains its queue."""

from collections.abc import Iterator

import pytest

from tests.integration.feedback.aws import Aws, running_aws


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with running_aws() as found:
        yield found
