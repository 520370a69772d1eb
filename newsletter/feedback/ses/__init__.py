"""Amazon SES as a source of events: what it says, and the ways on which it comes.

events        the JSON of SES, bare or in an SNS envelope -> Event
causes        what a bounce or complaint means for its address, as tables
queue         the queue of SQS
sns           a request of SNS -> a proven envelope, or a refusal
certificates  where SNS keeps its certificates, and fetching them
subscribing   confirming a topic's subscription, while that is armed
"""
