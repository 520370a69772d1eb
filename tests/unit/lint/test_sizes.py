"""How much each section of a mail weighs."""

import pytest

from newsletter.lint.reading import as_read
from newsletter.lint.sizes import PartSize, html_too_large, part_sizes
from newsletter.model.digest import Digest
from tests.unit.render.rendering import issue, rendered

TEXT = "Looms that count threads came to the valley.\n\n"


def sizes(digest: Digest) -> tuple[PartSize, ...]:
    return part_sizes(digest, as_read(rendered(digest)).html)


def test_the_parts_are_all_of_the_mail() -> None:
    """In bytes, not in characters."""
    digest = issue(f"Lead.\n\n## 织机\n\n{TEXT}织机。\n\n## Threads & co\n\n{TEXT}---\n\nBye.\n")

    parts = sizes(digest)

    assert [(part.name, part.line) for part in parts] == [
        ("", 1),
        ("织机", 7),
        ("Threads & co", 13),
        ("", 1),
    ]
    html = as_read(rendered(digest)).html
    assert sum(part.size_bytes for part in parts) == len(html.encode()) > len(html)


def test_a_section_weighs_what_the_mail_is_lighter_without_it() -> None:
    first, second, third = (f"## Part {n}\n\n{TEXT * n * n}" for n in (1, 2, 3))

    with_all = sizes(issue(first + second + third))
    without = sizes(issue(first + third))

    lighter = sum(p.size_bytes for p in with_all) - sum(p.size_bytes for p in without)
    assert with_all[2].size_bytes == lighter
    assert with_all[1] == without[1]
    assert with_all[3].size_bytes == without[2].size_bytes


def test_an_item_is_not_taken_for_the_section_of_its_name() -> None:
    digest = issue(f"## One\n\n### Two\n\n{TEXT * 5}## Two\n\nShort.\n\n## Three\n\nShort.\n")

    _, one, two, three, _ = sizes(digest)

    assert (one.name, two.name, three.name) == ("One", "Two", "Three")
    assert one.size_bytes > two.size_bytes
    assert abs(two.size_bytes - three.size_bytes) <= len("Three") - len("Two")


@pytest.mark.parametrize(
    "pieces",
    [
        ("top", "<h2>One</h2>First words.", "<h3><b>Two</b></h3>Second words.foot"),
        ("top<p>", "One</p>First words.<p>", "Two</p>Second words.foot"),
    ],
)
def test_a_theme_without_sections_of_its_own_is_parted_at_the_headings(
    pieces: tuple[str, ...],
) -> None:
    """As where all stand in one section of MJML, or headings are none in HTML."""
    digest = issue("## One\n\nFirst words.\n\n## Two\n\nSecond words.\n")

    parts = part_sizes(digest, "".join(pieces))

    assert [part.size_bytes for part in parts] == [*map(len, pieces), 0]


def test_what_follows_the_sections_counts_to_the_foot() -> None:
    """The promo card among it."""
    card = '---\n\n<div class="card"><h3>Join us</h3><a href="https://e.example/">Join</a></div>\n'

    plain = sizes(issue(f"## One\n\n{TEXT}"))
    with_card = sizes(issue(f"## One\n\n{TEXT}{card}"))

    assert with_card[1] == plain[1]
    assert with_card[2].size_bytes > plain[2].size_bytes


def test_an_issue_without_sections_has_a_top_and_a_foot() -> None:
    parts = sizes(issue(TEXT))

    assert [part.name for part in parts] == ["", ""]


def test_the_heaviest_sections_are_named_with_their_lines() -> None:
    digest = issue(f"## Small\n\nText.\n\n## Large\n\n{TEXT * 900}## Middle\n\n{TEXT * 500}")

    (found,) = html_too_large(digest, rendered(digest))

    assert "; most is in 'Large' (line 9) " in found.message
    assert found.message.index("'Large'") < found.message.index("'Middle'")
    assert "'Small'" not in found.message
