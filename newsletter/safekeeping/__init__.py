"""Copies of the store, kept and brought back.

backing_up  a backup: copied, proven whole, encrypted, put in its place; old ones deleted
reading     a backup, fetched and decrypted: what it is, and what is in it
drill       whether a backup could be restored, shown in a place that is gone afterwards
swapping    a restored store in the place of another, which is kept beside it
parts       files that are being written
room        the folder where they lie, and what a kill left there
vaults      where backups are kept, and how they are named: a folder, or a bucket
s3          a bucket of S3 as such a place
sealing     encryption for keys of age, or by a passphrase
passphrase  age's encryption by a passphrase, a piece at a time
record      when the last backup was made
"""
