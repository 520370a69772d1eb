"""A point of the summary knows its own line of the file."""

import pytest

from tests.unit.digest.reading import read


@pytest.mark.parametrize(
    ("summary", "lines"),
    [
        ("summary: |\n  - One\n  - Two\n    goes on\n\n  - Three\n", [4, 5, 8]),
        ("summary:\n  - 'One: it is quoted'\n  - Two **and** more\n", [4, 5]),
        ("summary: One sentence that says it all\n", [3]),
        ("summary: [First point, second point]\n", [3, 3]),
        ("summary: |\n  - same\n  - same\n", [4, 5]),
        ('summary:\n  - "\\u0041n escape"\n  - Told from its key\n', [3, 3]),
    ],
)
def test_a_point_has_the_line_in_which_it_was_written(summary: str, lines: list[int]) -> None:
    """Where that cannot be told, the line of the key."""
    digest = read(f"---\ntitle: T\n{summary}---\nThe body says One, Two and same.\n").digest

    assert [point[0].position.line for point in digest.summary] == lines


def test_the_same_words_above_the_summary_are_no_point() -> None:
    source = "---\ntitle: One\nsummary: |\n  - One\ndate: 2026-01-07\n---\nText.\n"

    assert [point[0].position.line for point in read(source).digest.summary] == [4]
