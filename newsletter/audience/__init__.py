"""The readers: import and export, consent, lists, and who must not be mailed.

Services open their own transactions; the queries they call are in newsletter.store.
"""
