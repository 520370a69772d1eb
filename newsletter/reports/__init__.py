"""Reports on sends: numbers and pictures.

figures    what a report says, as frozen data
providers  whose mailboxes are at which domain
counting   a report from the store
tables     a report as tables, for CSV and JSON
amounts    numbers, shares and times as people read them
lines      a report as lines of text, with bars
page       a report as one HTML page, and as the HTML of a mail
"""
