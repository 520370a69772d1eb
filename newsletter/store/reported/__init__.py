"""What was reported about mails.

events      the log: each event once; `unreadable`: what is kept for a person
settling    what an event says, written to its delivery
"""
