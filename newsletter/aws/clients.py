"""Clients of AWS for a section of the settings."""

import getpass
import os
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, RefreshWithMFAUnsupportedError

from newsletter.aws.faults import SettingsSection, fault_of, line_of
from newsletter.aws.meanings import FILES, FILES_BY_NAME, FILES_OF_PROFILES, UNREADABLE
from newsletter.errors import ConfigurationError, NewsletterError

T = TypeVar("T")

# What a call may raise: errors of the SDK, of files of AWS, of replies that cannot be read, and of
# credentials that have expired and are not replaced (RuntimeError).
ERRORS = (BotoCoreError, ClientError, OSError, ValueError, RuntimeError, *UNREADABLE)


def open_clients(
    service: str, section: SettingsSection, *, region: str, endpoint: str, configs: Sequence[Config]
) -> list[Any]:
    """A client of a service for each configuration.

    Raises ConfigurationError where credentials, profile, region or endpoint are missing or not
    valid: the SDK checks all of them here.
    """
    for name in (*FILES, *FILES_BY_NAME):
        _refuse_pipe(name, os.environ.get(name) or FILES.get(name, ""), section)
    # boto3 reads AWS_DEFAULT_REGION by itself; the other tools of AWS read AWS_REGION.
    region = region or os.environ.get("AWS_REGION", "")
    try:
        own = _session_that_asks_people()
        session: Any = boto3.session.Session(region_name=region or None, botocore_session=own)
        profile = own.get_scoped_config()
        for name in FILES_OF_PROFILES:
            _refuse_pipe(name, profile.get(name, ""), section)
        return [
            session.client(service, endpoint_url=endpoint or None, config=config)
            for config in configs
        ]
    except ERRORS as error:
        raise fault_of(error, section).raised(ConfigurationError) from error


def _refuse_pipe(name: str, path: str, section: SettingsSection) -> None:
    """The SDK and OpenSSL would wait for it for ever."""
    if _is_pipe(os.path.expanduser(path)):
        raise ConfigurationError(
            f"AWS: {line_of(path)} is a pipe, where a file is needed",
            where=section.where,
            hint=f"Let {name} name a file.",
        )


def _is_pipe(path: str) -> bool:
    with suppress(OSError):
        return stat.S_ISFIFO(os.stat(path).st_mode)
    return False


def _session_that_asks_people() -> botocore.session.Session:
    """A session that asks for the code of a role only where a person can answer: the SDK would read
    any standard input, or wait for it for ever."""
    session = botocore.session.get_session()
    providers: Any = session.get_component("credential_provider")
    providers.get_provider("assume-role")._prompter = _code  # there is no public way in
    return session


def _code(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise RefreshWithMFAUnsupportedError
    return getpass.getpass(prompt)


def answer_of(
    call: Callable[[], T], section: SettingsSection, otherwise: type[NewsletterError], context: str
) -> T:
    """The answer of a call to AWS. Raises ConfigurationError for what a person has to mend, and
    `otherwise`, with `context` for what failed, for what may pass."""
    try:
        return call()
    except ERRORS as error:
        raise fault_of(error, section).raised(otherwise, context) from error


def reply_of(
    call: Callable[[], Any],
    members: Sequence[str],
    section: SettingsSection,
    otherwise: type[NewsletterError],
    context: str,
) -> dict[str, Any]:
    """As `answer_of`, for an answer that must have these members: the SDK takes any page for an
    empty success."""

    def with_members() -> dict[str, Any]:
        reply: dict[str, Any] = call()
        return reply | {member: reply[member] for member in members}

    return answer_of(with_members, section, otherwise, context)
