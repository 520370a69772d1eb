"""Digest + theme -> Email: Jinja2 -> MJML -> premailer; the text part from the Digest."""
