"""What was reported of mails.

events    the log: each event once
settling  what an event says, written to its delivery
"""
