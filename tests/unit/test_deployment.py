"""What deploy/ holds fits the schemas of those who read it, and is what docs/deploy.md promises."""

import json
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import botocore.session
import click
import pytest
import yaml
from botocore.validate import ParamValidator
from jsonschema import Draft202012Validator

from newsletter.cli import COMMANDS
from newsletter.cli.frame import Group
from newsletter.config import Settings
from newsletter.operations.who import account
from tests.unit.test_docs import settings_of, variable

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
# Of the Compose specification, under the licence beside it.
SCHEMA = json.loads((ROOT / "tests/data/schemas/compose-spec.json").read_text("utf-8"))
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
OURS = ("upgrade", "web", "worker", "events")
TASKS = {
    name: json.loads((DEPLOY / "ecs" / f"{name}.json").read_text()) for name in ("web", "worker")
}
UNITS = DEPLOY / "systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
VARIABLES = {variable(table, key) for table, key, _ in settings_of(Settings)}
NO_SETTINGS = {"NEWSLETTER_PROJECT", "NEWSLETTER_SECRET", "NEWSLETTER_VERSION"}  # the last: Compose
PIN = re.compile(r"^([a-z0-9-]+)(?:\[\w+\])?==(\S+)", re.MULTILINE)


def instructions(text: str) -> list[tuple[str, str]]:
    """A Containerfile's instructions with their arguments, line for line put together."""
    lines = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    parts = (line.split(None, 1) for line in lines if line.strip())
    return [(word, " ".join(rest.split())) for word, rest in parts]


CONTAINERFILE = instructions((DEPLOY / "Containerfile").read_text("utf-8"))


def arguments(word: str) -> list[str]:
    return [rest for name, rest in CONTAINERFILE if name == word]


def parsed(line: list[str]) -> click.Context:
    """A call of the program, as it would be read; raises UsageError where it would not."""
    context = Group(COMMANDS).make_context("newsletter", list(line), resilient_parsing=False)
    command: click.Command = context.command
    rest = [*context._protected_args, *context.args]
    while isinstance(command, click.Group):
        _, inner, rest = command.resolve_command(context, rest)
        assert inner is not None
        command, context = inner, inner.make_context(inner.name, list(rest), parent=context)
        rest = [*context._protected_args, *context.args]
    return context


# --- the image ------------------------------------------------------------------------------------


def test_the_image_is_built_in_stages_from_a_tag_that_is_pinned() -> None:
    assert len(arguments("FROM")) == 2
    assert all(re.fullmatch(r"\S+:3\.11-slim-\w+( AS build)?", base) for base in arguments("FROM"))
    assert [rest for rest in arguments("COPY") if rest.startswith("--from=")] == [
        "--from=build /opt/newsletter /opt/newsletter"
    ]


def test_what_is_installed_has_the_hashes_of_the_lock_file() -> None:
    installs = [part for run in arguments("RUN") for part in run.split("&&") if " install " in part]
    of_pip = [part for part in installs if "pip install" in part]

    assert len(of_pip) == 3
    assert all("--require-hashes" in part or "--no-deps dist/" in part for part in of_pip)


def test_the_image_runs_as_somebody_without_rights() -> None:
    last_from = max(n for n, (word, _) in enumerate(CONTAINERFILE) if word == "FROM")
    after = dict(CONTAINERFILE[last_from:])

    assert after["USER"] == "10001:10001"
    assert after["ENTRYPOINT"] == '["newsletter"]'
    assert "HEALTHCHECK" in after
    assert parsed(json.loads(after["CMD"])).info_name == "serve"


def test_no_secret_and_no_reader_gets_into_the_image() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    copied = {name for rest in arguments("COPY") for name in rest.split()[:-1]}

    assert "*" in ignored
    assert (ROOT / ".containerignore").read_text().splitlines() == ignored
    assert copied - {"--from=build", "/opt/newsletter"} <= allowed
    assert allowed & {"subscribers", "newsletter.toml", "issues", ".git", ".env"} == set()
    assert not re.search(
        r"SECRET|PASSWORD|TOKEN|KEY", " ".join(arguments("ENV") + arguments("ARG"))
    )


def test_the_lock_file_of_deployments_has_the_versions_that_are_tested() -> None:
    deployed = dict(PIN.findall((DEPLOY / "requirements.lock").read_text()))
    tested = dict(PIN.findall((ROOT / "requirements-dev.lock").read_text()))

    assert {"psycopg", "procrastinate", "pyrage", "boto3"} <= deployed.keys()
    assert {name: tested.get(name) for name in deployed} == deployed


# --- Compose --------------------------------------------------------------------------------------


def faults(compose: dict[str, Any]) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMA).iter_errors(compose)]


def test_the_compose_file_fits_its_schema() -> None:
    assert faults(COMPOSE) == []
    assert faults({**COMPOSE, "services": {"web": {"imgae": "x"}}}) != []


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_container_can_write_only_where_it_must(name: str) -> None:
    service = COMPOSE["services"][name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert any(place.startswith("/tmp") for place in service["tmpfs"])
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert re.fullmatch(r"\S+:\S+", service["image"])


@pytest.mark.parametrize("name", OURS)
def test_a_container_runs_a_command_there_is_once_the_store_is_ready(name: str) -> None:
    service = COMPOSE["services"][name]

    parsed(service["command"])
    assert service["depends_on"]["db"]["condition"] == "service_healthy"
    if name != "upgrade":
        assert service["depends_on"]["upgrade"]["condition"] == "service_completed_successfully"
    for key, value in service["environment"].items():
        assert "SECRET" not in key or value is None or value.startswith("${")


# --- ECS ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TASKS)
def test_a_task_definition_is_one_that_ecs_takes(name: str) -> None:
    model = botocore.session.get_session().get_service_model("ecs")
    shape = model.operation_model("RegisterTaskDefinition").input_shape
    assert shape is not None

    assert ParamValidator().validate(TASKS[name], shape).generate_report() == ""
    assert ParamValidator().validate({**TASKS[name], "cqu": "1"}, shape).has_errors()


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_read_only_and_has_its_secrets_from_elsewhere(name: str) -> None:
    [container] = TASKS[name]["containerDefinitions"]

    assert container["readonlyRootFilesystem"] is True
    assert {one["name"] for one in container["secrets"]} == {
        "NEWSLETTER_SECRET",
        "NEWSLETTER_STORE__URL",
    }
    assert parsed(container["command"]).info_name == {"web": "serve"}.get(name, name)


# --- systemd --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units in a folder of their own, with programs that there are."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs Debian's systemd")
    folder = tmp_path_factory.mktemp("root")
    target = folder / "etc" / "systemd" / "system"
    shutil.copytree(UNITS, target)
    for path in target.glob("*.service"):
        text = path.read_text().replace("/opt/newsletter/bin/newsletter", "/bin/true")
        path.write_text(text)
    return target


def test_systemd_finds_nothing_wrong_with_the_units(units: Path) -> None:
    names = [str(path) for path in units.iterdir() if path.suffix in (".service", ".timer")]

    done = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", *names],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:"},  # it reads common parts from there
        capture_output=True,
        text=True,
        check=False,
    )

    about_ours = [line for line in done.stderr.splitlines() if str(units) in line]
    assert about_ours == []


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_do_little(units: Path, name: str) -> None:
    """By the measure of systemd, from 10 (anything) to 0; without the common part it is 9."""
    asked = ["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=20"]

    done = subprocess.run(
        [*asked, f"--root={units.parents[2]}", name],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-300:] + done.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_calls_a_command_there_is(name: str) -> None:
    text = (UNITS / name).read_text()
    [line] = re.findall(r"^ExecStart=/opt/newsletter/bin/newsletter (.*)$", text, re.MULTILINE)

    parsed(line.split())


def test_a_user_without_a_name_is_called_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs as any number."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 4_123_456)

    assert account() == f"4123456@{socket.gethostname()}"


# --- all ------------------------------------------------------------------------------------------


def test_every_setting_that_is_named_is_one() -> None:
    text = "".join(
        path.read_text("utf-8")
        for path in DEPLOY.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    )

    assert set(re.findall(r"\bNEWSLETTER_\w+", text)) - VARIABLES - NO_SETTINGS == set()
