"""Clients of SES as the settings want them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, NoCredentialsError, PartialCredentialsError

from newsletter.config import SesSettings
from newsletter.errors import ConfigurationError
from newsletter.transports.ses import replies

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client


def open_clients(
    settings: SesSettings, read_seconds: float, *configs: Config
) -> "list[SESV2Client]":
    """A client for each configuration; ConfigurationError where the region is missing."""
    # boto3 reads AWS_DEFAULT_REGION by itself; the other tools of AWS read AWS_REGION.
    region = settings.region or os.environ.get("AWS_REGION")
    session = boto3.session.Session(region_name=region or None)
    endpoint = settings.endpoint_url or None
    try:
        clients = [
            session.client("sesv2", endpoint_url=endpoint, config=config) for config in configs
        ]
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            f"AWS: {error}",
            where="transport.ses",
            hint="Set [transport.ses] region, or AWS_REGION.",
        ) from error
    for client in clients:
        replies.bound(client, read_seconds)
    return clients


@contextmanager
def credentials_needed(where: str) -> Iterator[None]:
    """Calls of AWS for a section of the settings; ConfigurationError without credentials."""
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise ConfigurationError(
            f"AWS: {error}",
            where=where,
            hint="Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        ) from error
