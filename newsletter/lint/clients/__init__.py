"""What mail programs support, as caniemail.com has tested it.

features   what a mail uses of HTML, CSS and formats of pictures
programs   which mail programs lack which of it
"""
