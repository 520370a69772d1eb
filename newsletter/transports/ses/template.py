"""An Email as an inline template of SES: merge fields are variables, the author's braces are text.

SES substitutes `{{name}}` and nothing else, escapes nothing, and takes every brace pair of the
content for a variable. So each value is escaped here for the place it stands in, and every run of
braces that its parser could misread travels as a variable of its own, whose value it is.
https://docs.aws.amazon.com/ses/latest/dg/send-personalized-email-api.html
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from json.encoder import encode_basestring as quoted

from newsletter.model.email import ESCAPES, Email, MergeField, MergeText

_BRACES = re.compile(r"[{}\\]+")


class Template:
    """`fields` has the variable of each merge field, `literals` those that stand for braces.

    `size_bytes` is that of its JSON in a request, which escapes all but ASCII.
    """

    def __init__(
        self,
        subject: str,
        html: str,
        text: str,
        fields: Mapping[MergeField, str],
        literals: Mapping[str, str],
    ) -> None:
        self.subject, self.html, self.text = subject, html, text
        self.literals = literals
        self.size_bytes = sum(len(json.dumps(part)) for part in (subject, html, text))
        self._fields = [
            (f"{quoted(variable)}:", field.name, field.default, ESCAPES[field.place])
            for field, variable in fields.items()
        ]
        self._filled = [f"{quoted(name)}:{quoted(run)}" for name, run in literals.items()]

    def data(self, values: Mapping[str, str]) -> str:
        """The replacement data of one recipient as JSON, every variable of the template in it.

        With one missing, SES would accept the message and then never mail it.
        """
        filled = [
            f"{name}{quoted(escape(values.get(field) or default))}"
            for name, field, default, escape in self._fields
        ]
        return f"{{{','.join(filled + self._filled)}}}"


@lru_cache(maxsize=4)
def template_of(email: Email) -> Template:
    """The template of an email; made once for all of its batches."""
    writer = _Writer()
    subject, html, text = (writer.write(part) for part in (email.subject, email.html, email.text))
    literals = {variable: run for run, variable in writer.literals.items()}
    return Template(subject, html, text, writer.fields, literals)


class _Writer:
    """Names the variables: f0, f1, … for merge fields, b0, b1, … for runs of braces."""

    def __init__(self) -> None:
        self.fields: dict[MergeField, str] = {}
        self.literals: dict[str, str] = {}

    def write(self, merge: MergeText) -> str:
        pieces: list[str] = []
        for index, piece in enumerate(merge):
            if isinstance(piece, MergeField):
                variable = self.fields.setdefault(piece, f"f{len(self.fields)}")
                pieces.append(f"{{{{{variable}}}}}")
                continue
            pieces.append(self._protected(piece, index > 0, index + 1 < len(merge)))
        return "".join(pieces)

    def _protected(self, text: str, follows: bool, precedes: bool) -> str:
        """Text whose braces SES cannot misread; a variable may stand before or after it.

        SES takes as its own a pair of opening braces with all that touches it, and beside a
        variable any brace or backslash.
        """

        def literal(run: re.Match[str]) -> str:
            at_edge = (follows and run.start() == 0) or (precedes and run.end() == len(text))
            if not at_edge and "{{" not in run[0]:
                return run[0]
            variable = self.literals.setdefault(run[0], f"b{len(self.literals)}")
            return f"{{{{{variable}}}}}"

        return _BRACES.sub(literal, text)
