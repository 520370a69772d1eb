"""Amazon SES: the transport `ses`.

template   an Email as an inline template with variables
limits     what SES would refuse
outcomes   what SES answers, and what that means
replies    how much of an answer is read, and for how long
account    what the account allows
suppressed the account's suppression list
clients    the clients of the SDK
calls      those that one batch takes
transport  the whole
"""

# Imported where they are used: the SDK of AWS takes long, and most commands only read.
# ruff: noqa: PLC0415

from newsletter.config import TransportSettings
from newsletter.project import Project
from newsletter.transports.base import AccountList, Kind, Transport


def _open(project: Project) -> Transport:
    from newsletter.transports.ses.transport import Ses

    return Ses(project.settings.transport.ses)


def _open_account_list(settings: TransportSettings) -> AccountList:
    from newsletter.transports.ses import suppressed

    return suppressed.SesAccountList.open(settings.ses)


KIND = Kind(
    service="SES",
    record="the events of SES",
    open=_open,
    reports=True,
    open_account_list=_open_account_list,
)
