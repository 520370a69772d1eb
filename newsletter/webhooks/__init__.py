"""Telling other programs what happens, as https://www.standardwebhooks.com has it.

signing      the secrets of an endpoint, and the headers that prove who posts
posting      one request to somebody else's server, which ends in time
delivering   what waits in the store's outbox, posted until it is taken or given up
"""
