"""plan -> ledger -> core -> transport: one decision to mail, carried out once.

plan      freeze the audience and the bytes of a send
compose   one Message for one recipient
core      the one function that decides about duplicates
run       drives the core with threads until nothing is claimable
control   pause, resume, cancel, resolve
"""
