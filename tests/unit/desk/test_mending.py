"""What `lint --fix` mends is mended, and nothing else of an issue changes."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.desk import mending
from newsletter.desk.mending import Mended, mend
from newsletter.errors import NewsletterError
from newsletter.model.blocks import CodeBlock
from newsletter.model.inline import Code
from newsletter.model.walking import walk
from newsletter.project import Project
from tests.share import examples
from tests.unit.digest.reading import read

ROOT = Path(__file__).parents[3]
REAL = ROOT.parent / "shared" / "digests"
PROJECT = Project.open(ROOT)
FRONT = "---\ntitle: T\ndate: 2026-01-07\n---\n"


def all_answer(urls: Iterable[str]) -> Mapping[str, str]:
    return dict.fromkeys(urls, "")


def none_answers(urls: Iterable[str]) -> Mapping[str, str]:
    return dict.fromkeys(urls, "nobody is there")


def mended(folder: Path, data: bytes | str, project: Project = PROJECT) -> Mended:
    path = folder / "2026-01-07-valley.md"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return mend(project, path, all_answer)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("titel: Looms", "title: Looms"),
        ("Title: Looms", "title: Looms"),
        ("title: T\nsumary: Looms came", "title: T\nsummary: Looms came"),
        ("title: T\nsubjekt: Looms", "title: T\nsubject: Looms"),
        ("title: T\npre-header: Looms", "title: T\npreheader: Looms"),
        (
            "title: T\ncover-image: https://a.example/c.png",
            "title: T\ncoverImage: https://a.example/c.png",
        ),
        ('title: T\n"tag": looms', 'title: T\n"tags": looms'),
        ("title: Looms #12", 'title: "Looms #12"'),
        ("title: Looms: a story", 'title: "Looms: a story"'),
        ('title: The "loom": a story', "title: 'The \"loom\": a story'"),
        ('title: The "loom\'s": a story', 'title: "The \\"loom\'s\\": a story"'),
        (
            "title: T\nsummary:\n  - one: two\n  - three",
            'title: T\nsummary:\n  - "one: two"\n  - three',
        ),
        ("title: T\ndate: January 7, 2026", "title: T\ndate: 2026-01-07"),
        ("title: T\ndate: '7 Jan 2026'", "title: T\ndate: '2026-01-07'"),
        ("title: T\ndate: 2026/1/7 10:00 +0100", "title: T\ndate: 2026-01-07T10:00:00+01:00"),
        ("title: T\ndate: 31/01/2026", "title: T\ndate: 2026-01-31"),
        ("title: T\npublishDate: 2026年1月7日", "title: T\npublishDate: 2026-01-07"),
        ("title: T\ncover: http://a.example/c.png", "title: T\ncover: https://a.example/c.png"),
    ],
)
def test_slips_of_the_front_matter_are_mended(tmp_path: Path, before: str, after: str) -> None:
    result = mended(tmp_path, f"---\n{before}\n---\n\nLooms.\n")

    assert result.after.decode() == f"---\n{after}\n---\n\nLooms.\n"
    assert len(result.changes) == 1


@pytest.mark.parametrize(
    "front",
    [
        "title: T\ndata: {a: 1}",  # a word of its own, one letter from `date`
        "title: T\nstart: 10",
        "title: T\nlists: readers",
        "title: T\ntitel: U",  # there is a title
        "title: T\nlanguagee: x y",  # no language: the key is no slip, or one more fault
        "title: T # no comment?",
        "title: |\n  T: U",
        "title: T: U\n  and on",
        "title: 'T: U'",
        "title: T\nauthors: [a, b]",
        "title: T\nslug: t # note",
        "title: T\nnote: a: b",
        "title: T\ndate: 03/04/2026",
        "title: T\ndate: 2026-01-07 10:00 Europe/Berlin",
        "title: T\ndate: 2026-01-07T10:00:00Z",
        "title: T\ndate: soon",
    ],
)
def test_what_is_no_slip_or_has_two_readings_stays(tmp_path: Path, front: str) -> None:
    assert mended(tmp_path, f"---\n{front}\n---\n\nLooms.\n").changes == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[a](https://a.example/?utm_source=x&id=1)", "[a](https://a.example/?id=1)"),
        ("See https://a.example/p?fbclid=x.", "See https://a.example/p."),
        ("<https://a.example/p?fbclid=x>", "<https://a.example/p>"),
        ("![a](https://a.example/c.png?utm_medium=x)", "![a](https://a.example/c.png)"),
        ("[a][b]\n\n[b]: https://a.example/?gclid=1 'T'", "[a][b]\n\n[b]: https://a.example/ 'T'"),
        (
            '<a href="https://a.example/?a=1&amp;utm_id=2">a</a>',
            '<a href="https://a.example/?a=1">a</a>',
        ),
        ("[a](https://a.example/文?utm_id=2)", "[a](https://a.example/文)"),
        ("看https://a.example/?utm_id=2。", "看https://a.example/。"),
        (
            "| [a](https://a.example/?utm_id=2) | b |\n|---|---|",
            "| [a](https://a.example/) | b |\n|---|---|",
        ),
        (
            "[a](http://a.example/b_(c)) `http://a.example/b_(c)`",
            "[a](https://a.example/b_(c)) `http://a.example/b_(c)`",
        ),
        ("[http://a.example](http://a.example)", "[http://a.example](https://a.example)"),
        ("http://a.example/x", "https://a.example/x"),
    ],
)
def test_addresses_are_mended_where_they_stand(tmp_path: Path, before: str, after: str) -> None:
    result = mended(tmp_path, f"{FRONT}\n{before}\n")

    assert result.after.decode() == f"{FRONT}\n{after}\n"
    assert [change.position.line for change in result.changes] == [8 if "\n\n[" in before else 6]


@pytest.mark.parametrize(
    "text",
    [
        *("`https://a.example/?utm_id=2`", "    https://a.example/?utm_id=2", "[a](/x?utm_id=2)"),
        *("```\nhttp://a.example\n```", "[a](https://news.example.com/?utm_source=mail)"),
        *("[a](https://a.example/?utm=1&q=fbclid)", "[a](mailto:a@b.example?subject=http://x)"),
    ],
)
def test_code_and_addresses_in_order_stay(tmp_path: Path, text: str) -> None:
    assert mended(tmp_path, f"{FRONT}\n{text}\n").changes == ()


def test_an_address_that_https_does_not_serve_stays_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(f"{FRONT}\n[a](http://a.example/?utm_id=1)\n")

    result = mend(PROJECT, path, none_answers)

    assert result.left == {"http://a.example/": "nobody is there"}
    assert b"(http://a.example/)" in result.after


STRAIGHT = replace(
    PROJECT,
    settings=replace(PROJECT.settings, digest=replace(PROJECT.settings.digest, smart=False)),
)


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ('“One”, “two” and "three".', "“One”, “two” and “three”."),
        ("“One” isn't **\"two\"** `it's`.", None),  # the quote of code is on the same line
        ("“One” isn't two.", "“One” isn’t two."),
        ("“One” ('two' in code).", None),
        ('"One" and "two".', None),  # a habit
        (
            'language: de\n---\n„Eins“, „x“ und "zwei".',
            "language: de\n---\n„Eins“, „x“ und „zwei“.",
        ),
        ('smart: false\n---\n“One” and "two".', None),
    ],
)
def test_straight_quotes_are_set_where_an_issue_sets_its_own(
    tmp_path: Path, text: str, becomes: str | None
) -> None:
    """Where `smart` is on, they are set as the issue is read."""
    head = FRONT if "---" not in text else FRONT.removesuffix("---\n")

    result = mended(tmp_path, f"{head}{text}\n", STRAIGHT)

    assert result.after.decode() == f"{head}{becomes or text}\n"
    assert mended(tmp_path, f"{head}{text}\n").changes == ()


def test_line_ends_the_mark_and_all_other_characters_stay(tmp_path: Path) -> None:
    head = b"\xef\xbb\xbf---\r\ntitel: T\r\ndate: 7 Jan 2026\n---\r\rOne\x07 "
    before = head + b"\xc2\x85\xe2\x80\xa8 two  \r\n[a](http://a.example)"

    result = mended(tmp_path, before)

    assert result.after == before.replace(b"titel", b"title").replace(
        b"7 Jan 2026", b"2026-01-07"
    ).replace(b"http:", b"https:")


def test_a_diff_shows_the_changes_and_the_missing_line_end(tmp_path: Path) -> None:
    result = mended(tmp_path, f"{FRONT}\nOne\u2028two\n\n[a](http://a.example)")

    assert result.diff("a.md").splitlines(keepends=True)[-4:] == [
        "-[a](http://a.example)\n",
        "\\ No newline at end of file\n",
        "+[a](https://a.example)\n",
        "\\ No newline at end of file\n",
    ]


def test_a_file_keeps_its_mode_and_what_others_wrote(tmp_path: Path) -> None:
    result = mended(tmp_path, f"{FRONT}\n[a](http://a.example)\n")
    result.path.chmod(0o640)

    mending.write(result)

    assert result.path.read_bytes() == result.after
    assert result.path.stat().st_mode & 0o777 == 0o640
    with pytest.raises(NewsletterError, match="changed while it was mended"):
        mending.write(result)


def code(source: str | bytes) -> list[str]:
    body = read(source).digest
    return [node.text for node in walk(body) if isinstance(node, Code | CodeBlock)]


PARTS = st.sampled_from(
    [
        *("[a](http://a.example/?utm_source=x&b=1) ", "http://b.example ", "`http://b.example` "),
        *(
            "“One” ",
            '"two" ',
            "isn't ",
            "\n",
            "\n\n",
            "- ",
            "> ",
            "# ",
            "**",
            "    ",
            "```\n",
            "| ",
        ),
        *(
            "![a](https://a.example/?fbclid=1)",
            "<https://a.example/?gclid=1> ",
            "\\",
            "[",
            "](",
            ")",
        ),
        *('<a href="http://c.example/?a&amp;utm_id=1">', "</a>", "<!-- http://b.example ", "-->"),
        *("[^1]", "[^1]: http://b.example\n", "{{ web_url }}", "。", "，“一”", "\r\n", "[toc]\n\n"),
    ]
)
KEYS = st.sampled_from(
    [
        *("titel: a: b", "Title: c #1", "date: 7 Jan 2026", "Date: 2026/1/7", "summary:", "- a: b"),
        *("  - c #2", "tag: x", "subject: 'd'", "cover: http://a.example/?utm_id=1", "smart: no"),
        *("title: |", "  more: text", "data: 1", "#", "language: de", "x: [", "date: 13/01/2026"),
    ]
)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(KEYS, max_size=4), st.lists(PARTS, max_size=10))
def test_a_second_time_changes_nothing_and_code_and_lines_stay(
    tmp_path_factory: pytest.TempPathFactory, keys: list[str], parts: list[str]
) -> None:
    """Whatever an author writes."""
    folder = tmp_path_factory.getbasetemp()
    source = "\n".join(["---", *keys, "---", "", "".join(parts)])

    once = mended(folder, source, STRAIGHT)

    assert mended(folder, once.after, STRAIGHT).changes == ()
    assert source.count("\n") == once.after.decode().count("\n")
    assert code(source) == code(once.after)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"put a collection of real digests at {REAL}")
@pytest.mark.parametrize("name", ["2014-02-09-this-week-in-rust", "2018-10-09-bitcoin-optech-zh"])
def test_a_real_issue_is_the_same_but_for_what_was_mended(tmp_path: Path, name: str) -> None:
    before = (REAL / f"{name}.md").read_bytes()

    once = mended(tmp_path, before)

    changed = [
        (old, new)
        for old, new in zip(before.splitlines(), once.after.splitlines(), strict=True)
        if old != new
    ]
    assert changed
    assert all(new == old.replace(b"http:", b"https:") for old, new in changed)
    assert mended(tmp_path, once.after).changes == ()
