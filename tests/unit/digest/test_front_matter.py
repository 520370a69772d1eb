"""Front matter: YAML, TOML, `Key: value` lines or none; each fault with its line."""

import datetime as dt
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model.digest import Meta
from newsletter.model.finding import Severity
from newsletter.model.inline import Link
from newsletter.model.walking import plain_text
from tests.share import examples
from tests.unit.digest.reading import BASE, all_of, finding, findings, read, texts

pytestmark = pytest.mark.processor_seconds(30)  # some of these once took minutes

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


def yaml(lines: str, body: str = "x") -> str:
    return f"---\n{lines}\n---\n{body}\n"


def meta(lines: str) -> Meta:
    return read(yaml(lines)).digest.meta


def points(source: str) -> list[str]:
    return [plain_text(point) for point in read(source).digest.summary]


# --- the four forms -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "---\ntitle: One\ndate: 2026-01-07\ntags: [a, b]\n---\nbody\n",
        "---  \ntitle: 'One'\ndate: '2026-01-07'\ntags:\n- a\n- b\n...\nbody\n",
        '+++\ntitle = "One"\ndate = 2026-01-07\ntags = ["a", "b"]\n+++\nbody\n',
        "Title: One\nDate: 2026-01-07\nTags: a, b\n\nbody\n",
        "\ufeff---\r\ntitle: One\r\ndate: 2026-01-07\r\ntags: a,b\r\n---\r\nbody\r\n",
    ],
    ids=["yaml", "yaml-dots", "toml", "pelican", "bom-crlf"],
)
def test_every_form_says_the_same(source: str) -> None:
    parsed = read(source)

    assert parsed.digest.title_text == "One"
    assert parsed.digest.meta.date == dt.date(2026, 1, 7)
    assert parsed.digest.meta.tags == ("a", "b")
    assert texts(parsed.digest) == "body"
    assert parsed.findings == ()


def test_without_front_matter_the_whole_file_is_body() -> None:
    digest = read("# One\n\nbody\n").digest

    assert digest.title_text == "One"
    assert texts(digest) == "body"


@pytest.mark.parametrize("source", ["Note: this is prose\n\nbody\n", "https://a.example/\n"])
def test_a_first_line_with_a_colon_is_prose_unless_its_key_is_known(source: str) -> None:
    assert texts(read(f"{source}\nend\n").digest).endswith("end")
    assert read(source).digest.meta.extra == {}


def test_rules_in_the_body_part_no_front_matter() -> None:
    digest = read(yaml("title: One", "a\n\n---\n\nb: c\n\n---\n")).digest

    assert texts(digest) == "ab: c"


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("---\ntitle: One\n---\n\n[a](javascript:x)\n", 5),
        ('+++\ntitle = "One"\n+++\n[a](javascript:x)\n', 4),
        ("Title: One\nDate: 2026-01-07\n\n[a](javascript:x)\n", 4),
        ("x\n\n[a](javascript:x)\n", 3),
    ],
)
def test_lines_of_the_body_are_lines_of_the_file(source: str, line: int) -> None:
    assert finding(read(source), "unsafe-link") == (ERROR, line)


# --- keys ---------------------------------------------------------------------------------------


def test_every_key_is_read() -> None:
    parsed = read(
        yaml(
            "title: One\n"
            "date: 2026-01-07\n"
            "category: Daily\n"
            "tags: [a, 2]\n"
            "seo: [b, c]\n"
            "coverImage: https://a.example/c.png\n"
            "summary: s\n"
            "subject: |\n  Two\n  lines\n"
            "preheader: Before\n"
            "language: zh-CN\n"
            "slug: My-Slug\n"
            "list: ai-daily\n"
            "theme: dark\n"
            "draft: true\n"
            "publishDate: 2026-01-08\n"
            "lint-ignore: [no-cover]"
        )
    )

    assert parsed.digest.meta == Meta(
        date=dt.date(2026, 1, 7),
        category="Daily",
        tags=("a", "2"),
        seo=("b", "c"),
        cover="https://a.example/c.png",
        subject="Two lines",
        preheader="Before",
        language="zh-CN",
        slug="My-Slug",
        list="ai-daily",
        theme="dark",
        draft=True,
        extra={"lint-ignore": ["no-cover"]},
    )
    assert parsed.digest.slug == "my-slug"
    assert parsed.findings == ()


@pytest.mark.parametrize("key", ["coverImage", "cover_image", "cover"])
def test_the_cover_has_three_names(key: str) -> None:
    assert meta(f"{key}: https://a.example/c.png").cover == "https://a.example/c.png"


def test_the_language_has_two_names() -> None:
    assert meta("lang: en").language == "en"


@pytest.mark.parametrize("value", ["true", "yes", "'yes'", "'TRUE'"])
def test_a_draft_may_be_marked_in_words(value: str) -> None:
    assert meta(f"draft: {value}").draft is True


@pytest.mark.parametrize("value", ["2026", "3.5", "2026-01-07", "! 'Issue #1'"])
def test_a_title_of_a_number_or_a_date_is_text(value: str) -> None:
    assert read(yaml(f"title: {value}")).digest.title_text == value.removeprefix("! ").strip("'")


def test_a_title_of_two_lines_is_one_line() -> None:
    """A line end in a title would end up in the subject of a mail."""
    assert read(yaml('title: "One\\r\\ntwo: x"')).digest.title_text == "One two: x"


def test_markup_in_a_title_is_literal() -> None:
    assert read(yaml("title: '**a** <b>{{ c }}'")).digest.title_text == "**a** <b>{{ c }}"


def test_escapes_bring_no_control_characters_in() -> None:
    """What cleaning removes from a file, YAML can spell as an escape."""
    digest = read(yaml('title: "a\\u202eb\\x00"\ntags: ["c\\x07"]\nsummary: "d\\u202de"')).digest

    assert digest.title_text == "ab"
    assert digest.meta.tags == ("c",)
    assert plain_text(digest.summary[0]) == "de"


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ("title: [a]", "title-invalid"),
        ("tags: {a: b}", "tags-invalid"),
        ("tags: [[a]]", "tags-invalid"),
        ("summary: {a: b}", "summary-invalid"),
        ("summary: [{a: b}]", "summary-invalid"),
        ("draft: perhaps", "draft-invalid"),
        ("language: Chinese (China)", "language-invalid"),
        ("language: [en]", "language-invalid"),
        ("list: AI Daily", "list-invalid"),
        ("coverImage: [a]", "coverImage-invalid"),
        ("cover_image: 'javascript:x'", "cover-unsafe-link"),
        ("cover: ftp://a.example/c.png", "cover-unknown-scheme"),
        ("slug: a/b", "slug-invalid"),
        ("slug: ../..", "slug-invalid"),
        ("slug: '..'", "slug-invalid"),
        ("slug: '...'", "slug-invalid"),
        ("slug: '-'", "slug-invalid"),
        ("slug: __", "slug-invalid"),
        ("slug: " + "x" * 270, "slug-invalid"),
        ("slug: " + "慢" * 90, "slug-invalid"),
        ("date: tomorrow", "date-invalid"),
        ("date: 2026-02-30", "date-invalid"),
        ("date: [2026]", "date-invalid"),
    ],
)
def test_a_value_of_the_wrong_kind_is_an_error_on_its_line(lines: str, rule: str) -> None:
    assert finding(read(f"---\ncategory: c\n{lines}\n---\n# T\n\nx\n"), rule) == (ERROR, 3)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("language: German", "language is 'German', not a language tag such as zh-CN"),
        ("language: [de]", "language is a list, not a language tag such as zh-CN"),
        ("draft: 7", "draft is a number, not true or false"),
        ("tags: {a: b}", "tags is a mapping, not a list of words"),
        ("title: [a]", "title is a list, not text"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_as_its_author_knows_it(line: str, message: str) -> None:
    parsed = read(yaml(line))

    assert message in [found.message for found in parsed.findings]


@pytest.mark.parametrize("value", ["0x" + "f" * 5000, "9" * 5000])
@pytest.mark.parametrize("form", ["---\nweight: {}\n---\n", "+++\nweight = {}\n+++\n"])
def test_a_number_too_long_to_write_is_an_error(form: str, value: str) -> None:
    parsed = read(form.format(value) + "# x\n")

    assert [found.severity for found in parsed.findings if found.rule != "date-missing"] == [ERROR]
    assert parsed.digest.title_text == "x"


def test_empty_values_are_as_absent() -> None:
    parsed = read(yaml("title: T\ndate: 2026-01-07\ntags: []\nsummary: ''\ncategory:\ncover: ''"))

    assert parsed.digest.meta == Meta(date=dt.date(2026, 1, 7))
    assert parsed.digest.summary == ()
    assert parsed.findings == ()


def test_unknown_keys_are_kept_and_told_once() -> None:
    parsed = read(yaml("title: T\nlayout: post\nsumary: s\nkey:\n  nested: [1]"))

    assert parsed.digest.meta.extra == {"layout": "post", "sumary": "s", "key": {"nested": [1]}}
    other, near = findings(parsed, "unknown-key")
    assert (other.severity, other.position.line) == (INFO, 3)
    assert "layout, key" in other.message
    assert (near.severity, near.position.line) == (WARNING, 4)
    assert "sumary" in near.message
    assert "'summary'" in near.fix


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        ("titel: News", "title"),
        ("Title: News", "title"),
        ("tittle: 12", "title"),
        ("title: T\nsubjet: News", "subject"),
        ("title: T\nSUBJECT: News", "subject"),
    ],
)
def test_a_misspelt_key_that_would_change_the_subject_is_an_error(lines: str, key: str) -> None:
    parsed = read(yaml(lines, "# T"))

    assert finding(parsed, "unknown-key") == (ERROR, len(lines.split("\n")) + 1)
    assert f"Did you mean {key!r}" in findings(parsed, "unknown-key")[0].fix


@pytest.mark.parametrize(
    "lines",
    [
        "title: T\ntitel: News",  # there is a title
        "title: T\nsubjects: [tea, cups]",  # no subject is a list
        "title: T\nobject: News",  # not near enough
        "title: T\ncategories: [tea]",
        "title: T\nslgu: news",
    ],
)
def test_any_other_misspelt_key_is_a_warning(lines: str) -> None:
    assert finding(read(yaml(lines)), "unknown-key") == (WARNING, 3)


def test_who_wrote_it_is_kept() -> None:
    parsed = read(yaml("title: T\nauthor: J #1\nauthors:\n- name: J\n  url: x\nsubtitle: 1.10"))

    kept = {"author": "J #1", "authors": [{"name": "J", "url": "x"}], "subtitle": "1.10"}
    assert parsed.digest.meta.extra == kept
    assert not findings(parsed, "unknown-key")


# --- keys of other systems ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "name", "meaning"),
    [
        ("description", "Tea: a story #1", "preheader", "Tea: a story #1"),
        ("excerpt", "1.10", "preheader", "1.10"),
        ("image", "https://a.example/c.png", "cover", "https://a.example/c.png"),
        ("pubDate", "2026-01-08", "date", dt.date(2026, 1, 8)),
        ("published", "2026-01-08", "date", dt.date(2026, 1, 8)),
    ],
)
def test_keys_of_other_systems_mean_ours(key: str, value: str, name: str, meaning: object) -> None:
    quoted = value if key.startswith("pub") else f"'{value}'"
    for source in (
        yaml(f"title: T\n{key}: {value}"),
        f"+++\ntitle = 'T'\n{key} = {quoted}\n+++\nx\n",
        f"Title: T\n{key.upper()}: {value}\n\nx\n",
    ):
        parsed = read(source)

        assert getattr(parsed.digest.meta, name) == meaning
        assert str(parsed.digest.meta.extra[key]) == value
        assert not findings(parsed, "unknown-key")


@pytest.mark.parametrize("key", ["preheader: Ours", "description: Theirs", "excerpt: Last"])
def test_a_key_of_ours_comes_before_one_of_theirs(key: str) -> None:
    keys = ["excerpt: Last", "description: Theirs", "preheader: Ours"]
    upto = keys[: keys.index(key) + 1]

    assert meta("\n".join(["title: T", *upto])).preheader == key.partition(": ")[2]


@pytest.mark.parametrize(
    "line",
    [
        "published: true",
        "published: 'no'",
        "image: {path: a.png}",
        "image: [a.png]",
        "excerpt: [a]",
    ],
)
def test_what_other_systems_mean_otherwise_is_left_alone(line: str) -> None:
    """Jekyll's `published` may be true; an image may have keys of its own."""
    parsed = read(yaml(f"title: T\n{line}"), stem="2026-01-07-x")

    assert parsed.digest.meta.cover is parsed.digest.meta.preheader is None
    assert parsed.digest.meta.date == dt.date(2026, 1, 7)
    assert parsed.findings == ()


# --- a title that was derived -------------------------------------------------------------------


def test_a_short_first_line_becomes_the_title_and_is_told() -> None:
    parsed = read("News of the valley\nTwo\n\nthree\n")

    assert parsed.digest.title_text == "News of the valley"
    assert texts(parsed.digest) == "Twothree"
    assert finding(parsed, "title-derived") == (WARNING, 1)


@pytest.mark.parametrize("front", ["", "---\ntitle:\n---\n", "---\ncategory: c\n---\n"])
@pytest.mark.parametrize(
    "greeting",
    [
        *("Hi everyone,", "Hello!", "*Dear* readers", "Good morning, all", "👋 Hey there"),
        *("大家好，", "各位读者", "亲爱的读者：", "みなさん、こんにちは", "안녕하세요 여러분"),
        *("Liebe Leserinnen,", "Chers amis,", "Chère Ana,", "Queridas amigas:", "Ciao a tutti"),
        *("Дорогие друзья!", "Merhaba,", "مرحبا بالجميع", "שלום לכולם", "Olá,", "Beste lezer"),
    ],
)
def test_a_greeting_stays_in_the_letter(front: str, greeting: str) -> None:
    parsed = read(f"{front}{greeting}\nnews\n")

    assert texts(parsed.digest).startswith(greeting.replace("*", ""))
    assert parsed.digest.title_text == greeting.replace("*", "").rstrip(",，")
    assert finding(parsed, "title-derived")[0] is WARNING


@pytest.mark.parametrize("line", ["Highlights", "Dearborn news", "Heyday", "第一期", "今日大家"])
def test_a_line_that_only_begins_like_a_greeting_is_a_title(line: str) -> None:
    assert texts(read(f"{line}\n\nnews\n").digest) == "news"


def test_a_title_or_a_first_heading_is_not_derived() -> None:
    for source in ("---\ntitle: Hello\n---\nHi all,\n", "# Hello\n\nHi all,\n"):
        parsed = read(source)

        assert texts(parsed.digest) == "Hi all,"
        assert not findings(parsed, "title-derived")


# --- text as it is written ----------------------------------------------------------------------

SIGNS = [*"ab #:&*!|>[]{}'\"%@`,?-~\\/=.<", "1", "0x1", "yes", ": ", "- ", " #", "\t", "&a", "*a"]
AS_WRITTEN = [
    *("Weekly #12", "#12 of the weekly", "a # b", "C#", "12:30", "1.10", "0x1F", "0123", "1_000"),
    *("1e5", ".inf", "yes", "No", "true", "2026-01-07 9:00:00", "Tea: a story", "Tea:", "- Tea"),
    *(
        "&tea",
        "&tea for two",
        "*tea*",
        "**Tea** for two",
        "!tea",
        "! Tea",
        "!!tea",
        "@tea",
        "`tea`",
    ),
    *("[a] b", "[a] and [b]", "[", "]", "{a}", "{{ subscriber.name }}", "{a} b", "% of tea", "%"),
    *(
        "> tea",
        "| tea",
        "|",
        ", tea",
        "? tea",
        "= tea",
        "<<",
        '"Tea" for two',
        "'Tea' # 2",
        "a 'b\"c",
    ),
    *("tea \\n \\", "茶：第 12 期 #茶", "\u00abtea\u00bb", "tea \U0001f375", "a \u2028 b", "---x"),
]
AS_WRITTEN.remove("'Tea' # 2")  # quotes, and a comment behind them
AS_WRITTEN.remove("|")  # a block of YAML, and an empty one


@pytest.mark.parametrize("key", ["title", "subject", "preheader", "category"])
@pytest.mark.parametrize("text", AS_WRITTEN)
def test_a_bare_text_is_read_as_it_is_written(text: str, key: str) -> None:
    for form in ("---\n{}: {}\n---\n# T\n", "---\n'{}' :  {}  \n---\n# T\n", "{}: {}\n\n# T\n"):
        if form.startswith("{") and key not in ("title", "category"):
            continue  # no first line of headers
        parsed = read(form.format(key, text))

        values = parsed.digest.meta
        found = parsed.digest.title_text if key == "title" else getattr(values, key)
        assert found == (" ".join(text.split()) if key != "category" else text)
        assert not [f for f in parsed.findings if f.severity is ERROR]


@settings(max_examples=examples(1500), derandomize=True, deadline=None)
@given(st.lists(st.sampled_from(SIGNS), max_size=8).map("".join).map(str.strip))
def test_a_text_without_quotes_is_read_as_it_is_written_or_there_is_a_finding(text: str) -> None:
    """A quote at its beginning, alone or behind a tag, makes it YAML's; so does an empty block."""
    if re.match(r"(!(!str)?\s*)?[\"']|!!str|[|>][-+0-9]*\s*(#|$)", text):
        return
    parsed = read(yaml(f"title: T\ncategory: {text}\ntags: [c]"))

    told = [found for found in parsed.findings if found.rule != "date-missing"]
    assert parsed.digest.meta.category == text or told
    assert parsed.digest.meta.tags == ("c",) or told


@pytest.mark.parametrize(
    "text", ["Weekly #12", "12:30", "1.10", "0x1F", "true", "2026-01-07", "&x"]
)
def test_toml_takes_a_bare_text_too(text: str) -> None:
    parsed = read(f"+++\ntitle = {text}\ndate = 2026-01-07 # today\n[a]\ntitle = 1\n+++\nx\n")

    assert parsed.digest.title_text == text
    assert parsed.digest.meta.date == dt.date(2026, 1, 7)
    assert parsed.digest.meta.extra == {"a": {"title": 1}}
    assert [f.rule for f in findings(parsed, "front-matter-hash")] == ["front-matter-hash"] * (
        "#" in text
    )


def test_toml_in_quotes_is_left_alone() -> None:
    source = '+++\nsummary = """\ntitle = a #1\n"""\ntitle = \'T\' # a comment\n+++\nx\n'

    assert points(source) == ["title = a #1"]
    assert read(source).digest.title_text == "T"
    assert not findings(read(source), "front-matter-hash")


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ("title: >-\n  One\n  #two", "One #two"),
        ("title: |  # as it stands\n  One: #two", "One: #two"),
        ("title: 'One' # a comment", "One"),
        ('title: "One \\u0031"', "One 1"),
        ('title: "One\n  #two"', "One #two"),
        ('title: "One\nsubject: two"', "One subject: two"),
        ("title: !!str One", "One"),
        ("title: ! 'One'", "One"),
        ("title: &one One\ncategory: *one", "One"),
        ("category: &one One\ntitle: *one", "One"),
        ("title: One\n  and #two\n\n# a comment\ncategory: x", "One and #two"),
        ("title:\n  One #two", "One #two"),
        ("title: # a comment\n  One", "One"),
        ("title:\n  1.10", "1.10"),
    ],
)
def test_what_is_plainly_yaml_stays_yaml(lines: str, text: str) -> None:
    parsed = read(yaml(lines))

    assert parsed.digest.title_text == text
    assert not [found for found in parsed.findings if found.severity is ERROR]


@pytest.mark.parametrize(
    "begin", ["summary:\n- ", "summary:\n  # points\n\n  -   ", "summary: #\n - "]
)
@pytest.mark.parametrize(
    "text", [*AS_WRITTEN[:12], "Tea: a story", "*tea* for two", "one\n    - two"]
)
def test_the_points_of_a_list_are_read_as_they_are_written(begin: str, text: str) -> None:
    indent = begin.rpartition("\n")[2]
    found = points(yaml(f"{begin}{text}\n{indent}'two'\ntitle: T"))

    assert [*found[:1], *found[1:]] == [text.replace("*", "").replace("\n    ", " "), "two"]


def test_words_are_no_numbers() -> None:
    assert meta("tags: [1.10, yes, 12:30, 0x1F, null, c]").tags == ()
    assert meta("tags: [1.10, yes, 12:30, 0x1F, c]").tags == ("1.10", "yes", "12:30", "0x1F", "c")
    assert meta("language: no").language == "no"
    assert meta("slug: 0123").slug == "0123"


@pytest.mark.parametrize(
    "lines",
    [
        "title: One\n- two",
        "title: One\n  category: two",
        "title: {a: b}",
        "title: [a, b]",
        "title: [\n  a, # one\n  b\n]",
        "title:\n  a: b",
        "title:\n- a: b\n  c: d",
        "tags:\n- a: b\n  c: d",
        "title: " + "[" * 30_000,
        "\n".join(["title: 'x"] * 6_000),
        "\n".join(["tags: [a"] * 6_000),
    ],
)
def test_what_is_no_text_is_an_error_still(lines: str) -> None:
    errors = [found for found in read(yaml(lines)).findings if found.severity is ERROR]

    assert errors


@pytest.mark.parametrize("key", ["slug", "list", "theme", "language"])
def test_a_comment_behind_a_name_is_one_and_is_told(key: str) -> None:
    parsed = read(yaml(f"title: T\n{key}: looms # as ever"))

    told = findings(parsed, "front-matter-hash")
    assert [(found.severity, found.position.line) for found in told] == [(INFO, 3)]
    assert "ends before it" in told[0].message
    assert getattr(parsed.digest.meta, key) == "looms" or key == "language"


@pytest.mark.parametrize("key", ["slug", "list", "language", "coverImage"])
def test_a_name_is_not_cut_off_in_silence(key: str) -> None:
    """A list called `weekly` is not the list `weekly #2`."""
    parsed = read(yaml(f"title: T\n{key}: weekly #2"))

    assert findings(parsed, "front-matter-hash")
    assert getattr(parsed.digest.meta, "cover" if key == "coverImage" else key) != "weekly"
    assert [found for found in parsed.findings if found.severity is not INFO][1:]


def test_no_name_is_none() -> None:
    parsed = read(yaml("title: T\nlist: null\ntheme: ~\nlang: null\nimage: null"))

    assert parsed.digest.meta == Meta(extra={"image": None})
    assert [found.rule for found in parsed.findings] == ["date-missing"]


@pytest.mark.parametrize("word", ["null", "~", "NULL"])
def test_a_word_for_nothing_is_read_as_it_is_written_and_told(word: str) -> None:
    """A generator means nothing by it, a person perhaps the word."""
    parsed = read(yaml(f"title: T\nsubject: {word}"))

    assert parsed.digest.meta.subject == word
    assert finding(parsed, "front-matter-null") == (ERROR, 3)


# --- cover and slug -----------------------------------------------------------------------------


def test_a_relative_cover_leads_to_the_web_site() -> None:
    parsed = read(yaml("title: T\ncover: /covers/a.png"))

    assert parsed.digest.meta.cover == f"{BASE}/covers/a.png"
    assert finding(parsed, "cover-relative-link") == (WARNING, 3)


@pytest.mark.parametrize(
    ("stem", "slug"),
    [
        ("2026-05-16-c45 copy", "2026-05-16-c45-copy"),
        ("Ünïted_Nations", "ünïted-nations"),
        ("--a--", "a"),
        ("中文 周刊", "中文-周刊"),
        ("...", "issue"),
    ],
)
def test_the_slug_of_a_file_is_its_stem_in_lower_case_with_hyphens(stem: str, slug: str) -> None:
    digest = read("# T\n", stem=stem).digest

    assert digest.slug == slug
    assert digest.stem == stem


def test_a_slug_that_is_refused_is_replaced_by_a_safe_one() -> None:
    assert read(yaml("slug: ../Etc/passwd")).digest.slug == "etc-passwd"


# --- summary ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        'summary: "- one **b**\\n- two"',
        "summary: |\n  - one **b**\n\n  * two",
        "summary:\n  - one **b**\n  - two",
        "summary: [• one **b**, '- two']",
        "summary: |\n  - one\n    **b**\n  - two",
        "summary: |\n  - one\n  **b**\n  - two",
        "summary: |\n  - one\n\n    **b**\n\n  - two",
        "summary: |\n  1. one **b**\n  2. two",
        "summary: |\n  1) one\n     **b**\n  1) two",
    ],
)
def test_a_summary_of_points_is_a_list(lines: str) -> None:
    digest = read(yaml(lines)).digest

    assert [plain_text(point) for point in digest.summary] == ["one b", "two"]
    assert digest.summary_is_list


def test_only_the_sign_before_a_point_is_no_part_of_it() -> None:
    assert points(yaml("summary: ['Tea - a story', '* *Tea* and - more']")) == [
        "Tea - a story",
        "Tea and - more",
    ]


def test_a_summary_of_sentences_is_paragraphs() -> None:
    digest = read(yaml("summary: |\n  One\n  line - here.\n\n  Two.")).digest

    assert [plain_text(point) for point in digest.summary] == ["One line - here.", "Two."]
    assert not digest.summary_is_list


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        ("This week:\n- one\n  more\n- two", ["This week:", "one more", "two"]),
        ("This\nweek:\n\n1. one\n2. two", ["This week:", "one", "two"]),
        ("- one\n- two\n\nAnd more.", ["one", "two", "And more."]),
        ("3. one\n4. two\n   more", ["3. one", "4. two more"]),
        ("It began in\n3. Then on.", ["It began in 3. Then on."]),
    ],
)
def test_a_summary_of_points_and_text_has_each_on_its_own_line(
    lines: str, shown: list[str]
) -> None:
    digest = read(yaml("summary: |\n  " + lines.replace("\n", "\n  "))).digest

    assert [plain_text(point) for point in digest.summary] == shown
    assert not digest.summary_is_list


def test_points_below_points_are_points_and_told() -> None:
    parsed = read(yaml("title: T\nsummary: |\n  - one\n    - two\n    - three\n  - four"))

    assert [plain_text(point) for point in parsed.digest.summary] == ["one", "two", "three", "four"]
    assert parsed.digest.summary_is_list
    assert finding(parsed, "summary-nested") == (INFO, 3)
    assert not findings(read(yaml("summary: |\n  This:\n    - a\n    - b")), "summary-nested")


def test_a_long_summary_is_read_in_time() -> None:
    """As much as front matter holds."""
    assert len(points(yaml("summary: |\n" + "  1. a\n" * 8_000))) == 8_000
    assert len(points(yaml("summary: |\n" + "  a\n" * 15_000))) == 1


def test_a_summary_is_markdown_with_the_line_of_its_key() -> None:
    parsed = read(yaml("title: T\nsummary: '[a](https://a.example/) [b](javascript:x)'"))
    (link,) = all_of(parsed.digest, Link)

    assert link.url == "https://a.example/"
    assert link.position.line == 3
    assert finding(parsed, "unsafe-link") == (ERROR, 3)


# --- date ---------------------------------------------------------------------------------------

DAY = dt.date(2026, 1, 7)
NOON = dt.datetime(2026, 1, 7, 12, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("2026-01-07", DAY),
        ("'2026-01-07'", DAY),
        ("2026-01-07T12:30:00Z", NOON),
        ("2026-01-07 12:30:00 +0000", NOON),
        ("2026-01-07 12:30:00 -0000", NOON),
        ("2026-01-07 12:30:00 UTC", NOON),
        ("2026-01-07 20:30:00 +08:00", NOON),
        ("2026-01-07T20:30:00+08:00", NOON),
        ("2026-01-07 12:30", NOON.replace(tzinfo=None)),
        ("2026-1-7", DAY),
        ("2026/01/07", DAY),
        ("2026.1.7", DAY),
        ("20260107", DAY),
        ("2026年1月7日", DAY),
        ("2026년 1월 7일", DAY),
        ("January 7, 2026", DAY),
        ("Jan. 7th 2026", DAY),
        ("7 January 2026", DAY),
        ("Wednesday, 7-Jan-2026", DAY),
        ("2026-1-7 12:30:00.00", NOON.replace(tzinfo=None)),
        ("2026-01-07t07:30:00.0-05:00", NOON),
        ("2026-01-07 7:30:00 -5", NOON),
        ("2026/01/07 20:30 +0800", NOON),
        ("2026-01-07 20:30 Asia/Shanghai", NOON),
        ("Wed, 07 Jan 2026 05:30:00 -0700", NOON),
        ("Jan 7, 2026 at 12:30 GMT", NOON),
        ("2026年1月7日 12:30 UTC", NOON),
        ("2026-01-07 12:30 # a comment", NOON.replace(tzinfo=None)),
    ],
)
def test_a_date_has_many_forms(value: str, date: dt.date) -> None:
    found = meta(f"date: {value}").date

    assert found == date
    assert isinstance(found, dt.datetime) == isinstance(date, dt.datetime)


@pytest.mark.parametrize(
    ("value", "month_first", "day_first"),
    [
        ("03/04/2026", "2026-03-04", "2026-04-03"),
        ("3.4.2026", "2026-03-04", "2026-04-03"),
        ("01-25-2023", "2023-01-25", "no day"),
        ("25/12/2022 10:00", "no day", "2022-12-25"),
    ],
)
def test_a_date_that_can_be_read_in_two_ways_is_an_error_that_names_both(
    value: str, month_first: str, day_first: str
) -> None:
    parsed = read(yaml(f"title: T\ndate: {value}"))

    assert finding(parsed, "date-invalid") == (ERROR, 3)
    (found,) = findings(parsed, "date-invalid")
    assert f"is {month_first} if the month comes first" in found.message
    assert f"{day_first} if the day does" in found.message


@pytest.mark.parametrize(
    "value",
    [
        *("2026-02-30", "2026-13-01", "2026-01/07", "26-01-07", "0000-01-01", "Feb 30, 2026"),
        *("2026-01-07 25:00", "2026-01-07 12:30 +99:00", "2026-01-07 12:30 Mars/Olympus"),
        *("2026-01-07 12:30 Asia/../Asia", "2026-01-07 12:30 America/Argentina", "Juin 7, 2026"),
        *("2026-01-07 12:30 CST", "2026", "next Jan 7, 2026", "2026-01-07 " + "1" * 50),
    ],
)
def test_what_is_no_date_is_an_error(value: str) -> None:
    parsed = read(yaml(f"title: T\ndate: {value}"))

    assert parsed.digest.meta.date is None
    assert "is not a date" in findings(parsed, "date-invalid")[0].message


def test_toml_dates_are_dates() -> None:
    parsed = read('+++\ntitle = "T"\ndate = 2026-01-07T12:30:00Z\n+++\nx\n')

    assert parsed.digest.meta.date == NOON


def test_front_matter_wins_over_the_file_name() -> None:
    source = yaml("title: T\ndate: 2026-01-07")
    parsed = read(source, stem="2026-01-08-x")

    assert parsed.digest.meta.date == DAY
    assert [found.severity for found in findings(parsed, "date-differs")] == [INFO]
    assert not findings(read(source, stem="2026-01-07-x"), "date-differs")


def test_a_publish_date_serves_where_there_is_no_date() -> None:
    assert meta("publishDate: 2026-01-07").date == DAY


def test_the_file_name_serves_where_front_matter_names_no_date() -> None:
    assert read("# T\n", stem="2026-01-07-x").digest.meta.date == DAY
    assert read("# T\n", stem="12026-01-071").digest.meta.date is None


def test_an_issue_without_any_date_is_told() -> None:
    assert finding(read("# T\n"), "date-missing")[0] is WARNING


# --- broken front matter ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "rule", "line"),
    [
        ("---\ntitle: T\n\n# T\n", "front-matter-unclosed", 1),
        ('+++\ntitle = "T"\n', "front-matter-unclosed", 1),
        ("---\ntitle: T\na: [b\nc: d\n---\n", "front-matter-invalid", 4),
        ("---\ntitle: T\n\ta: b\n---\n", "front-matter-invalid", 3),
        ("---\ntitle: T\na: !!python/object:os.system x\n---\n", "front-matter-invalid", 3),
        ("---\na: *nowhere\n---\n", "front-matter-invalid", 2),
        ("---\na: &b [*b]\n---\n", "front-matter-invalid", 2),
        ('+++\ntitle = "T"\na = \n+++\n', "front-matter-invalid", 3),
        ('+++\ntitle = "T"\ntitle = "U"\n+++\n', "front-matter-invalid", 3),
        ('+++\ntitle = "T"\na = [1,\n+++\n', "front-matter-invalid", 3),
        ("---\n- a\n- b\n---\n", "front-matter-not-mapping", 2),
        ("---\njust text\n---\n", "front-matter-not-mapping", 2),
        ("---\ntitle: T\ndate: 2026-01-07\ntitle: U\n---\n", "front-matter-duplicate-key", 4),
        ("Title: T\nDate: 2026-01-07\nTitle: U\nTitle: V\n", "front-matter-duplicate-key", 3),
        ("---\na: " + "[" * 30 + "]" * 30 + "\n---\n", "front-matter-invalid", 2),
        ("---\na: " + "[" * 15_000 + "\n---\n", "front-matter-invalid", 2),
        ("---\n" + "- " * 15_000 + "\n---\n", "front-matter-invalid", 2),
        ("---\n" + "? " * 30_000 + "\n---\n", "front-matter-invalid", 2),
        ("+++\na = " + "[" * 15_000 + "\n+++\n", "front-matter-invalid", 2),
        ("---\na: " + "b" * 70_000 + "\n---\n", "front-matter-too-large", 2),
        ("+++\na = '" + "b" * 70_000 + "'\n+++\n", "front-matter-invalid", 2),
        ("---\ndate: 20" + " " * 60_000 + "x\n---\n", "date-invalid", 2),
    ],
)
def test_broken_front_matter_is_one_error_with_its_line(source: str, rule: str, line: int) -> None:
    """The body is read all the same."""
    parsed = read(f"{source}\nthe body\n\nis here\n")
    errors = [found for found in parsed.findings if found.severity is ERROR]

    assert finding(parsed, rule) == (ERROR, line)
    assert [found.rule for found in errors] == [rule]
    assert texts(parsed.digest).endswith("is here")


def test_the_first_of_duplicate_keys_counts() -> None:
    for source in ("---\ntitle: T\ntitle: U\n---\n", "Title: T\nTitle: U\n"):
        assert read(source).digest.title_text == "T"


def test_an_alias_bomb_does_not_go_off() -> None:
    """Nine levels of nine aliases each would be a billion of words."""
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 10)]
    parsed = read(yaml("\n".join(["title: T", "l0: &l0 [lol]", *levels])))

    assert finding(parsed, "front-matter-aliases") == (ERROR, 5)
    assert parsed.digest.meta.extra == {}


def test_a_few_aliases_are_fine() -> None:
    assert meta("category: &a Daily\ntags: [*a, *a]").tags == ("Daily", "Daily")


# --- above the front matter -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "front",
    [
        "---\ntitle: News\ntags: {a: b}\n---\n",
        "---  \n\ntitle: News\ntags: {a: b}\n---\n",
        "+++\ntitle = 'News'\ntags = {a = 'b'}\n+++\n",
    ],
)
@pytest.mark.parametrize("above", ["\n", "\n\n\n", "  \n\t\n", "\ufeff\n"])
def test_blank_lines_may_stand_above_it(above: str, front: str) -> None:
    """And everything is told where it stands."""
    parsed = read(f"{above}{front}x\n\n**y\n")
    lines = above.count("\n") + front.count("\n")

    assert parsed.digest.title_text == "News"
    assert findings(parsed, "tags-invalid")[0].position.line == lines - 1
    assert findings(parsed, "literal-emphasis")[0].position.line == lines + 3


@pytest.mark.parametrize(
    "source", ["\n---\n\nText.\n\n---\n", "\n---\nText, and more.\n\n---\n", "\nx\n---\ny: z\n"]
)
def test_a_rule_at_the_top_begins_no_front_matter(source: str) -> None:
    parsed = read(source)

    assert parsed.digest.meta.extra == {}
    assert "".join(texts(parsed.digest).split()) or parsed.digest.title_text


@pytest.mark.parametrize(
    "source",
    [
        "<!-- note -->\n---\ntitle: News\n---\nx\n",
        "---\ntitle: News\n---\n---\nsubject: Other\n---\nx\n",
        "----\ntitle: News\n----\nx\n",
    ],
)
def test_front_matter_that_is_not_where_it_belongs_is_told(source: str) -> None:
    assert findings(read(source), "text-as-heading")
