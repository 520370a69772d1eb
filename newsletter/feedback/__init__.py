"""What SES reports -> event log -> ledger.

events   the JSON of SES, bare or in an SNS envelope -> Event
apply    events -> event log and ledger
"""
