"""Setting up Amazon SES: SES -> SNS -> SQS, and the domain that mail is sent from.

wanted  what is right, as constants and pure functions; the doctor judges by the same
"""
