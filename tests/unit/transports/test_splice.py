"""A body encoded in pieces is the body encoded at once."""

import base64
import quopri

from hypothesis import given
from hypothesis import strategies as st

from newsletter.model.email import MergeField, MergeText, Place, fill
from newsletter.transports.splice import encoded

_TEXTS = st.text(alphabet=st.sampled_from("ab= .\n中文é{}\t"), max_size=90)
_FIELDS = st.sampled_from([MergeField("one", Place.TEXT), MergeField("two", Place.TEXT, "zwei")])


@st.composite
def templates(draw: st.DrawFn) -> MergeText:
    pieces = draw(st.lists(st.one_of(_TEXTS.filter(bool), _FIELDS), max_size=8))
    return tuple(pieces)


def decoded(template: MergeText, values: dict[str, str]) -> str:
    body = encoded(template)
    text = body.filled(values).encode("ascii")
    decode = base64.b64decode if body.encoding == "base64" else quopri.decodestring
    return decode(text).decode()


@given(templates(), st.fixed_dictionaries({"one": _TEXTS, "two": _TEXTS}))
def test_what_is_spliced_is_read_back_whole(template: MergeText, values: dict[str, str]) -> None:
    """Whatever the lengths of the pieces, no octet is lost, doubled or moved."""
    assert decoded(template, values) == fill(template, values).replace("\n", "\r\n")


@given(templates(), st.fixed_dictionaries({"one": _TEXTS, "two": _TEXTS}))
def test_no_line_is_longer_than_the_encoding_allows(
    template: MergeText, values: dict[str, str]
) -> None:
    """76 characters, RFC 2045; a soft break between two pieces has its place too."""
    lines = encoded(template).filled(values).split("\r\n")

    assert max(map(len, lines)) <= 76


def test_a_mostly_ascii_body_stays_readable() -> None:
    """Base64 of plain English reads like spam; Chinese has no shorter form."""
    assert encoded(("Plain English — with a dash.",)).encoding == "quoted-printable"
    assert encoded(("今天的要点",)).encoding == "base64"
