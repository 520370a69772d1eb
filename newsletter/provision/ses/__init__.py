"""Setting up Amazon SES: SES -> SNS -> SQS, and the domain that mail is sent from.

wanted             what is right, as constants and pure functions; the doctor judges by the same
naming             what things are called
calls, target      the clients, and what all comparisons need
topic, queue       SNS and SQS; `queue` has the subscription too
configuration_set  SES: the set, and where it publishes events
identity, account  SES: the domain, and the account's suppression list
policies           what each role may do
setup              all of it, for one newsletter
cloudformation, terraform, hcl   the same as templates
"""

# Imported where they are used: the SDK of AWS takes long.
# ruff: noqa: PLC0415

from newsletter.config import Settings
from newsletter.provision.base import Provision, ProvisionKind, SetupWishes


def _open(settings: Settings, wishes: SetupWishes) -> Provision:
    from newsletter.provision.ses.setup import SesSetup

    return SesSetup.open(settings, wishes)


def _cloudformation(settings: Settings, wishes: SetupWishes) -> str:
    from newsletter.provision.ses import cloudformation

    return cloudformation.template(settings, wishes)


def _terraform(settings: Settings, wishes: SetupWishes) -> str:
    from newsletter.provision.ses import terraform

    return terraform.template(settings, wishes)


KIND = ProvisionKind("SES", _open, {"cloudformation": _cloudformation, "terraform": _terraform})
