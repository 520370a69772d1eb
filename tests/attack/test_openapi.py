"""schemathesis: whatever fits, or just does not fit, the OpenAPI of the site is answered."""

from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from newsletter.links import Purpose
from newsletter.store import Store
from tests.integration.web.stage import Stage, open_stage
from tests.share import count

FULL = 10_000
HEADERS = ("content-type", "cookie", "x-amz-sns-message-type")


@pytest.fixture
def stage(sqlite_store: Store, tmp_path: Path) -> Stage:
    return open_stage(sqlite_store, tmp_path)


def test_no_case_ends_in_an_unhandled_error(stage: Stage) -> None:
    """Half of them go to a link, or a list, that is good: what is behind it is attacked, too."""
    confirmation = stage.links.confirm_url(Purpose.CONFIRM, 1, 1)
    good = {
        "/u/{token}": stage.leave_path(),
        "/preferences/{token}": stage.preferences_path(),
        "/confirm/{token}": confirmation.removeprefix("https://news.example.com"),
        "/subscribe/{list_name}": "/subscribe/daily",
    }
    import schemathesis  # which takes long, in this one process of the tests

    schema = schemathesis.openapi.from_dict(stage.app.openapi())
    operations: list[Any] = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]
    assert {operation.path for operation in operations} >= set(good)
    each = -(-count(FULL) // len(operations))

    for operation in operations:
        attack(stage, operation, good.get(operation.path), each)


def attack(stage: Stage, operation: Any, good: str | None, cases: int) -> None:
    from schemathesis import GenerationMode

    modes = list(GenerationMode)

    @settings(
        max_examples=cases,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=st.sampled_from(modes).flatmap(
            lambda mode: operation.as_strategy(generation_mode=mode)
        ),
        is_good=st.booleans(),
    )
    def answered(case: Any, is_good: bool) -> None:
        options = case.as_transport_kwargs(base_url="http://localhost")
        options.pop("cookies", None)
        sent = requests.Request(**options).prepare()
        assert sent.method is not None
        assert sent.url is not None
        path = sent.url.removeprefix("http://localhost")
        answer = stage.client.request(
            sent.method,
            good if good and is_good else path,
            content=sent.body or b"",
            headers={k: v for k, v in sent.headers.items() if k.lower() in HEADERS},
        )
        assert answer.status_code < 500, (sent.method, path, sent.body)

    answered()
