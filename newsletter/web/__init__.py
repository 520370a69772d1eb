"""The public pages, which readers and SES touch.

site         what all routes share
app          the application: routes, headers, limits, errors
pages        templates -> HTML
texts        the words of the pages, a file for each language
"""
