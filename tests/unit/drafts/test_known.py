"""Which links lead to one page, and which of them the issues of a newsletter hold."""

from pathlib import Path

import pytest

from newsletter.drafts.known import key_of, known, mark_of, without_tracking
from tests.unit.drafts.projects import project_in


@pytest.mark.parametrize(
    "other",
    [
        "http://example.com/a/b",
        "https://www.example.com/a/b/",
        "https://EXAMPLE.com:443/a/b#part",
        "https://example.com/a/b?utm_source=x&utm_medium=y",
        "https://example.com/a/b?fbclid=1#x",
        "https://example.com/a/%62",
    ],
)
def test_a_page_is_one_however_its_link_is_written(other: str) -> None:
    assert key_of(other) == key_of("https://example.com/a/b")


@pytest.mark.parametrize(
    "other",
    [
        "https://example.com/a/B",
        "https://example.com/a/b?id=1",
        "https://example.com:8443/a/b",
        "https://sub.example.com/a/b",
        "https://example.com/a",
    ],
)
def test_other_pages_are_others(other: str) -> None:
    assert key_of(other) != key_of("https://example.com/a/b")


def test_only_tracking_is_taken_off_a_link() -> None:
    assert (
        without_tracking("https://example.com/?b=2&utm_source=x&a=%20&mc_cid=1#p")
        == "https://example.com/?b=2&a=%20#p"
    )
    assert without_tracking("https://example.com/?a&b=") == "https://example.com/?a&b="


def test_the_links_of_all_issues_are_known(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    (project.issues / "a.md").write_text(
        "[x](https://example.com/1) <https://example.com/2>. https://example.com/3, and\n"
        '<a href="https://example.com/4?a=1&amp;b=2">x</a> (see https://example.com/5_(b))\n'
        "[n]: https://example.com/6 'x'\n" + mark_of("tag:example.com,2026:--x y"),
        "utf-8",
    )

    keys = known(project)

    assert {key_of(f"https://example.com/{n}") for n in (1, 2, 3, 6)} <= keys
    assert key_of("https://example.com/4?b=2&a=1") in keys
    assert key_of("https://example.com/5_(b)") in keys
    assert "tag:example.com,2026:--x y" in keys
    assert key_of("https://example.com/") not in keys
