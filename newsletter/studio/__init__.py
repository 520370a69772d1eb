"""The desk of editors and operators: a web app on their own machine, which shows what readers will
see, and what becomes of it.

session   one run of it: the project, the token, and what changes
guard     who may ask: this machine, with the token of this run, from its own pages
watching  files that change on disk -> events
pages     templates and words
wishes    what pages ask, and how the studio says no
shown     one issue as a page asks for it: mail, text, source, headers, findings
issues    routes of the list of issues
issue     routes of one issue: its page, what it shows, its pictures
gallery   routes of the themes
editing   routes that change its file
trials    routes that send test mails; `recipients`: the addresses they went to
sends     routes of the sends: their list, and the page of each
live      the sends as they stand right now, looked at once for all pages
decisions routes by which an operator decides about a send
audience  routes of growth, suppressions, and the story of an address
schedule  routes of the calendar
health    routes of events, alarms, and the audit log
facts     what is counted for the page of a send; `kept`: for how long
app       the application, of these
server    it on a port of this machine
"""
