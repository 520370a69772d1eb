"""What SES reports -> event log -> ledger, suppressions, breaker.

events        the JSON of SES, bare or in an SNS envelope -> Event
causes        what a bounce or complaint means for its address, as tables
apply         events -> event log and ledger
consequences  the events of a person -> a suppression, or none
breaker       the events of a send -> a pause
queue         SQS -> apply
sns           a request of SNS -> a proven envelope, or a refusal
certificates  where SNS keeps its certificates, and fetching them
subscribing   confirming a topic's subscription, while that is armed
retention     forgetting the raw text of old events
warning       bounces long before the breaker
alarm         mail went out, and no event came
chores        what is due each hour
"""

from newsletter.feedback.alarm import silence

__all__ = ["silence"]
