"""The ledger: each decision to mail, and what became of each recipient.

sends        a send, as its row says it; `plans`: how it is made; `transitions`: where it goes
tenures      who takes part in it; `balance`: how many of its deliveries stand where
workers      who looks for what is due
deliveries   one row for each recipient, frozen at once
claims       a batch taken; `recording`: what became of it
canary       the share that goes first
limiter      the rate of the whole store
archive      which sends reached somebody; `receipts`: test mails; `approvals`: who said yes
standing     how far each issue has come
corrections  what the archive shows in place of what was sealed, and what it hides
"""
