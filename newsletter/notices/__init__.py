"""Single mails: test mails, the mails that ask for a yes, and the welcome after it.

The ledger does not know them. All of them take the same path: `post`.
"""
