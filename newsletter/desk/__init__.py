"""What editors use: an issue read, checked and rendered, and shown as files.

prepare     an issue as digest, findings and email, the same for render, test and send
slugs       which file has which slug; `glance` tells most of them without reading the file
neighbours  what an issue lacks that the others of its folder have
languages   whether it is set in its own language; `dates`: whether its date is plausible
brand       the logo and the accent of all issues
publishing  its pictures, put where readers get them
preview     an issue as files, for a sample reader
review      what a branch changes in the mails: see the package
"""
