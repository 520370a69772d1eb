"""What is reported about mails -> event log -> ledger, suppressions, breaker.

ses           the source of events of Amazon SES
apply         events -> event log and ledger
consequences  the events of a person -> a suppression, or none
breaker       the events of a send -> a pause
retention     forgetting the raw text of old events
warning       bounces long before the breaker
alarm         mail went out, and no event came
chores        what is due each hour
"""
