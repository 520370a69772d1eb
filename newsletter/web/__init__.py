"""The public pages for readers, and the hook for providers.

site         what all routes share
app          the application: routes, and what errors look like
frame        around every route: limits, headers, HEAD
server       the HTTP server below
pages        templates -> HTML
texts        the words of the pages, a file for each language
forms        what a form sent, and who sent it

unsubscribe  /u/{token}
preferences  /preferences/{token}
subscribe    /subscribe/{list}
confirm      /confirm/{token}
archive      /archive/, the feeds; made by issues, sealed, feeds; static_site writes them
hooks        /hooks/…
health       /healthz, /metrics

mailer       the mails that visitors cause, in a thread beside the server
welcome      the issue for those who have confirmed
together     several requests in one transaction
"""
