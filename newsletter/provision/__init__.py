"""Setting up what mail needs outside of this project, at a provider and in the DNS.

base   the words: a component, its actions, a record
ses    Amazon SES
"""
