"""What a branch changes in the mails, as readers would get them.

base       the newsletter as it was: a commit, read into a folder of its own
pairs      which issues are compared, and which is which of the other side
sides      an issue as it is rendered on one side
changes    what differs between two sides
texts      differences of texts, by lines and by words
pictures   how both sides look, by Chromium
page       all of it as one HTML file; `markdown`: as a comment; `record`: as JSON
"""
