"""A review as one HTML file: nothing comes from elsewhere, and no text of an issue is markup."""

import base64
import hashlib

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from newsletter.desk.review import texts
from newsletter.desk.review.changes import MailChange, Review
from newsletter.desk.review.markdown import others
from newsletter.desk.review.pictures import Gallery
from newsletter.gate import visible
from newsletter.lint.sizes import MOST_BYTES


def page(review: Review, look: Gallery) -> str:
    """The whole review."""
    environment = Environment(
        loader=PackageLoader("newsletter.desk.review"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = lambda text: visible(str(text))
    style = environment.get_template("review.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template("review.html").render(
        review=review,
        others=list(others(review)),
        look=look,
        diffs=_diffs,
        clips=MOST_BYTES,
        style=Markup(style),  # noqa: S704 -- our own file
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'",
    )


def _diffs(change: MailChange) -> list[tuple[str, list[texts.DiffLine]]]:
    """What differs in each part, under its title; parts that are the same are left out."""
    before, after = change.before, change.after
    parts = (
        ("What the HTML shows", texts.lines(before.visible, after.visible)),
        ("The text part", texts.lines(before.text.splitlines(), after.text.splitlines())),
    )
    return [(title, rows) for title, rows in parts if rows]
