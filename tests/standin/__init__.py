"""A strict stand-in for Amazon SES v2, run as a process of its own: `python -m tests.standin`.

It speaks the REST JSON of boto3's `sesv2` client, refuses what SES refuses, breaks on demand, and
keeps the only record that tests may trust: an append-only log, written before each answer.
`settings` lists the options, `faults` what can go wrong, `client` is for tests.

Where Amazon's own pages are silent, it takes the harsher reading:

- 1 MB is 1,000,000 bytes; a line of a raw message has at most 998 characters before its CRLF.
- Inline templates know `{{name}}` alone. Any other `{{`, or one after a backslash (Handlebars'
  escape), refuses the whole call with BadRequestException.
- A variable without a value: accepted with a message id, then the event `Rendering Failure` and
  nothing else. A message rejected for its content has the events `Send` and `Reject`.
- What is wrong with one entry of a bulk call refuses the whole call (`entry_faults` chooses).
- Default tags and an entry's tags are merged by name, template headers and an entry's headers by
  name without regard to case, template data by key.
- Events are published for messages with a configuration set whose destinations want them.
- SMTPUTF8 is unknown: addresses and their display names are ASCII, or RFC 2047 words.

It does not check signatures, only that there is one. Stored templates, attachments, contact lists
and all other operations are not there, and say so.
"""
