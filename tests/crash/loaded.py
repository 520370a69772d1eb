"""What the server from which commands are forked does before that: it renders an issue.

Not least it reads the style sheet of the theme, which takes longer than all else of a short send.
"""

from tests.unit.render.rendering import issue, rendered

rendered(issue())
