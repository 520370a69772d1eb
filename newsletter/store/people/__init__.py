"""People: who they are, on which lists they stand, what they said, and whom nobody may mail.

people          a person: address, name, attributes, the key of their links
lists           lists, and how many stand where on each
subscriptions   who stands where on which list; `subscribing`: how that changes
consents        each yes and no
standing        how people stand, for a page behind a personal link
former          where people were mailed before they moved
requests        what is asked for and has to be confirmed by mail; `requesting`: how that changes
unconfirmed     who was asked for and never said yes
suppressions    whom nobody may mail, and why; `suppressing`: how that changes
imports         imports, and how one is undone; `staging` and `merging`: their way into the store
history         what is known of one person; `mailed`: what they were mailed, in pages
erasure         everything of one person, taken out
"""
