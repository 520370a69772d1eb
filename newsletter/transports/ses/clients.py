"""Clients of SES as the settings want them."""

from typing import TYPE_CHECKING

from botocore.config import Config

from newsletter.aws import clients
from newsletter.aws.faults import SettingsSection
from newsletter.config import SesSettings
from newsletter.transports.ses import replies

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

SENDING = SettingsSection(
    "transport.ses", "SES", permissions=("ses:SendEmail", "ses:SendBulkEmail")
)


# For the reply to a question, which is asked again without one: a minute at most in silence.
ASKING_SECONDS = 8.0


def open_patient_client(settings: SesSettings) -> "SESV2Client":
    """A client for calls that may be repeated, of which SES takes few a second: the SDK slows down
    as needed, and gives up in time. Raises what `open_clients` does."""
    patient = Config(
        retries={"mode": "adaptive", "total_max_attempts": 6},
        connect_timeout=ASKING_SECONDS,
        read_timeout=ASKING_SECONDS,
    )
    [client] = open_clients(settings, ASKING_SECONDS, patient)
    return client


def open_clients(
    settings: SesSettings, read_seconds: float, *configs: Config
) -> "list[SESV2Client]":
    """A client for each configuration; raises ConfigurationError where the settings allow none."""
    opened: list[SESV2Client] = clients.open_clients(
        "sesv2",
        SENDING,
        region=settings.region,
        endpoint=settings.endpoint_url,
        configs=configs,
    )
    for client in opened:
        replies.bound(client, read_seconds)
    return opened
