"""Amazon SES: the transport `ses`.

template   an Email as an inline template with variables
limits     what SES would refuse
outcomes   what SES answers, and what that means
account    what the account allows
transport  the calls
"""

from newsletter.transports.ses.transport import Ses

__all__ = ["Ses"]
