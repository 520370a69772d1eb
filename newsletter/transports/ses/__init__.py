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

from newsletter.transports.ses.suppressed import AccountList, Listed
from newsletter.transports.ses.transport import Ses

__all__ = ["AccountList", "Listed", "Ses"]
