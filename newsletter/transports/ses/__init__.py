"""Amazon SES: the transport `ses`.

template   an Email as an inline template with variables
limits     what SES would refuse
outcomes   what SES answers, and what that means
replies    how much of an answer is read, and for how long
account    what the account allows
calls      those that one batch takes
transport  the whole
"""

from newsletter.transports.ses.transport import Ses

__all__ = ["Ses"]
