"""Checks of the transport `ses`: the account, and the way of its events.

asking         questions to SES, SNS and SQS, each once
records        what the domain has to say of mail through SES
account        what it may send, what AWS thinks of it, what it costs
identity       the sender
configuration  the configuration set
events         configuration set -> topic -> queue
simulator      the addresses that `--live` mails, and what events say of their mails
"""

from newsletter.doctor.base import Bedside
from newsletter.doctor.ses import account, asking, configuration, events, identity
from newsletter.doctor.ses.records import records
from newsletter.doctor.ses.simulator import SIMULATOR, witness

BEDSIDE = Bedside(
    (*account.CHECKS, *identity.CHECKS, *configuration.CHECKS, *events.CHECKS),
    records,
    asking.offset,
    simulator=SIMULATOR,
    witness=witness,
    setup=asking.SETUP,
)
