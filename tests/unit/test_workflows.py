"""The workflow files in docs/workflows: the schema of their forges, and who may do what in them."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from newsletter.desk.review.markdown import MARK

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "workflows"
# From SchemaStore, under the licence beside it. Forgejo's workflows have the same shape.
SCHEMA = json.loads((ROOT / "tests/data/schemas/github-workflow.json").read_text("utf-8"))
VALIDATOR = Draft7Validator(SCHEMA)
FILES = sorted(path.name for path in FOLDER.glob("*.yml"))


def workflow(name: str) -> dict[str, Any]:
    """A workflow as forges read it: to YAML 1.1, `on` is true."""
    read = yaml.safe_load((FOLDER / name).read_text("utf-8"))
    return {"on" if key is True else key: value for key, value in read.items()}


def steps(job: dict[str, Any]) -> str:
    return json.dumps(job["steps"])


@pytest.mark.parametrize("name", FILES)
def test_a_workflow_fits_its_schema(name: str) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(workflow(name))] == []


def test_a_workflow_that_does_not_fit_would_be_found() -> None:
    wrong = copy.deepcopy(workflow("github-review.yml"))
    wrong["jobs"]["review"]["permissions"]["contents"] = "reed"
    del wrong["jobs"]["comment"]["runs-on"]

    assert len(list(VALIDATOR.iter_errors(wrong))) >= 2


@pytest.mark.parametrize("name", FILES)
def test_what_a_stranger_wrote_is_rendered_without_secrets_and_never_where_one_may_write(
    name: str,
) -> None:
    found = workflow(name)

    review, comment = found["jobs"]["review"], found["jobs"]["comment"]
    assert list(found["on"]) == ["pull_request"]
    assert "newsletter review" in steps(review)
    assert '"persist-credentials": false' in steps(review)
    assert "token }}" not in steps(review)
    assert "secrets." not in (FOLDER / name).read_text("utf-8")
    assert "checkout" not in steps(comment)
    assert "head.repo.full_name == github.repository" in comment["if"]


def test_each_job_may_do_what_it_needs_and_no_more() -> None:
    """Forgejo knows no permissions of jobs: there the token of a fork may not write."""
    found = workflow("github-review.yml")

    assert found["permissions"] == {}
    assert found["jobs"]["review"]["permissions"] == {"contents": "read"}
    assert found["jobs"]["comment"]["permissions"] == {"pull-requests": "write"}


@pytest.mark.parametrize("name", FILES)
def test_no_value_of_a_pull_request_becomes_a_part_of_a_script(name: str) -> None:
    """A branch may be called `$(id)`: values reach scripts by their environment."""
    for job in workflow(name)["jobs"].values():
        assert not any("${{" in step.get("run", "") for step in job["steps"])


@pytest.mark.parametrize("name", FILES)
def test_the_comment_that_is_written_anew_is_the_one_of_a_review(name: str) -> None:
    assert MARK in (FOLDER / name).read_text("utf-8")


@pytest.mark.parametrize("name", FILES)
def test_the_history_is_fetched_and_the_job_has_an_end(name: str) -> None:
    review = workflow(name)["jobs"]["review"]

    assert '"fetch-depth": 0' in steps(review)
    assert review["timeout-minutes"] <= 30
    assert re.search(r"newsletter review --base \\\"\$BASE\\\"", steps(review))


@pytest.mark.parametrize("name", FILES)
def test_no_module_of_a_pull_request_is_taken_for_one_of_python(name: str) -> None:
    """`python -m` looks for modules in the current folder first, which is the checkout."""
    text = (FOLDER / name).read_text("utf-8")

    assert re.findall(r"python3? (?:-I )?-m \w+", text)
    assert not re.search(r"python3? -m", text)
