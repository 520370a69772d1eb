"""The issues of other systems, as issues of this one: all of them, or none."""

import csv
import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter import digest
from newsletter.desk.prepare import prepare
from newsletter.digest import Parsed
from newsletter.drafts import adopting, archives, reporting
from newsletter.drafts.adopting import Adopted, adopt
from newsletter.drafts.posts import Change, ChangeKind, ForeignPost
from newsletter.drafts.resolving import PostPictures, Shelf
from newsletter.drafts.systems import SYSTEMS
from newsletter.drafts.wishes import SystemName
from newsletter.errors import NewsletterError, UsageError
from newsletter.files import write_new
from newsletter.model.finding import Severity
from newsletter.project import Project
from tests.share import examples
from tests.unit.drafts import samples
from tests.unit.drafts.projects import project_in
from tests.unit.drafts.samples import Files, as_folder, as_zip

SAMPLES = {
    "jekyll": (samples.JEKYLL, ["2024-03-04-a-loom", "2024-04-05-second-loom", "idea"]),
    "hugo": (samples.HUGO, ["2024-03-04-dyes-of-spring", "2024-04-05-indigo", "2024-05-06-woad"]),
    "buttondown": (samples.BUTTONDOWN, ["2024-03-04-a-loom", "2024-04-05-paid"]),
    "ghost": (samples.GHOST, ["2024-03-04-a-loom", "2024-04-05-second", "2024-05-06-third"]),
    "substack": (samples.SUBSTACK, ["2024-03-04-a-loom", "2024-04-05-draft"]),
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "letter"
    folder.mkdir()
    return project_in(folder)


def adopted(project: Project, files: Files, **options: object) -> Adopted:
    source = as_zip(files, project.root.parent / "archive.zip")
    return adopt(project, source, **options)  # type: ignore[arg-type]


def text_of(project: Project, stem: str) -> str:
    return (project.issues / f"{stem}.md").read_text("utf-8")


def parsed(project: Project, stem: str) -> Parsed:
    path = project.issues / f"{stem}.md"
    data = digest.read(path, file=str(path))
    return digest.parse(data, file=str(path), stem=stem, base_url="", section_labels=())


def details(result: Adopted, kind: ChangeKind) -> list[str]:
    return [change.detail for change in result.changes if change.kind is kind]


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("name", SAMPLES)
def test_an_archive_is_recognised_and_adopted_with_its_pictures(
    project: Project, name: str
) -> None:
    """Whether it is a zip file or a folder; what was a draft is one, and nothing else."""
    files, stems = SAMPLES[name]
    folder = as_folder(files, project.root.parent / "folder")
    dry = adopt(project, folder, dry_run=True)

    result = adopted(project, files)

    drafts = {each.path.stem: each.is_draft for each in dry.issues}
    assert (dry.system, sorted(drafts)) == (name, stems)
    assert result == dry
    assert [path.stem for path in sorted(project.issues.glob("*.md"))] == stems
    shown = {finding.rule for finding in result.findings if finding.severity is Severity.ERROR}
    assert shown <= {"draft-issue"}
    assert not list(project.root.glob(".*"))
    for stem in stems:
        issue = prepare(project, stem)
        assert issue.digest.slug == re.sub(r"^[0-9-]{11}", "", stem)
        assert issue.digest.meta.draft is drafts[stem]


def test_a_post_of_jekyll_keeps_what_it_shows(project: Project) -> None:
    result = adopted(project, samples.JEKYLL)

    text = text_of(project, "2024-03-04-a-loom")
    issue = prepare(project, "2024-03-04-a-loom").digest
    assert "[the other](https://old.example/blog/2024/04/05/second-loom.html)" in text
    assert "![A loom](pictures/a-loom/loom.png)" in text
    assert '```python\nx = "{{ site.url }}"\n```' in text
    assert (issue.title_text, issue.meta.category, issue.meta.tags) == (
        "A loom: built",
        "craft",
        ("loom", "wood"),
    )
    assert str(issue.meta.date) == "2024-03-04 08:00:00+09:00"
    assert issue.meta.extra["rating"] == 5
    assert issue.meta.theme is None
    assert details(result, ChangeKind.UNKNOWN) == ["{% unknown_tag x %}"]
    assert details(result, ChangeKind.PICTURE_MISSING) == ["/assets/gone.png"]
    assert details(result, ChangeKind.PICTURE_REMOTE) == ["https://far.example/p.png"]
    assert Change("_posts/2024-03-04-a-loom.md:10", ChangeKind.DROPPED, "theme: dark") in (
        result.changes
    )
    assert [change.place for change in result.left] == ["_posts/2024-05-06-old.textile"]


def test_a_bundle_of_hugo_keeps_what_it_shows(project: Project) -> None:
    result = adopted(project, samples.HUGO)

    text = text_of(project, "2024-03-04-dyes-of-spring")
    assert '<img src="pictures/dyes-of-spring/madder-root.png" alt="A root">' in text
    assert "[the other](https://old.example/posts/indigo/)" in text
    assert "\nhttps://www.youtube.com/watch?v=dQw4w9WgXcQ\n" in text
    assert '```go\n{{< figure src="not.png" >}}\n```' in text
    assert "coverImage: pictures/dyes-of-spring/cover.png" in text
    assert details(result, ChangeKind.UNKNOWN) == ['{{< unknown a="b" >}}']
    assert {path.name for path in project.issues.rglob("*.png")} == {
        "madder-root.png",
        "cover.png",
        "vat.png",
    }


def test_a_post_of_ghost_becomes_markdown(project: Project) -> None:
    result = adopted(project, samples.GHOST)

    text = text_of(project, "2024-03-04-a-loom")
    assert "See [us](https://news.example.com/about/)." in text
    assert '<img src="pictures/a-loom/loom.png" alt="A loom">' in text
    assert "subject: It is built" in text
    assert "tags:\n- Craft\n" in text
    assert "<script> is left out [html-dropped]" in details(result, ChangeKind.DROPPED)
    assert text_of(project, "2024-04-05-second").endswith(
        "**Bold &** [a link](https://e.example/)\n\n1. one\n\n"
        "![L](pictures/second/loom.png)\n\n```\na < b\n```\n"
    )
    assert text_of(project, "2024-05-06-third").endswith(
        "**Bold** and [a link](https://e.example/)\n\n- one\n\nSome *words*\n"
    )
    assert [change.detail for change in result.left] == [
        "it is a page, not a post",
        "it has no text",
    ]


def test_a_post_of_substack_keeps_its_footnotes_and_loses_only_its_forms(
    project: Project,
) -> None:
    """A number without a note stays a number in brackets."""
    result = adopted(project, samples.SUBSTACK)

    issue = parsed(project, "2024-03-04-a-loom")
    assert text_of(project, "2024-03-04-a-loom").endswith(
        "One[^1], and a claim\\[7\\].\n\n"
        "[![Far](https://far.example/x%20y.png?s=1)](https://far.example/x.png)\n\n"
        "[^1]: Truly.\n\n    Twice.\n"
    )
    assert [len(note.blocks) for note in issue.digest.tail[0].notes] == [2]  # type: ignore[union-attr]
    assert details(result, ChangeKind.DROPPED) == [
        "a form or button of Substack",
        "a form or button of Substack: Share",
    ]
    assert {"its audience was only_paid", "it was a podcast"} <= set(
        details(result, ChangeKind.NOTED)
    )


def test_pictures_on_the_web_come_along_if_they_are_asked_for(project: Project) -> None:
    """What is no picture stays where it is, and so does what cannot be had."""
    page = (
        "<img src='https://far.example/a%20b.jpg' alt='a'>"
        "<img src='https://far.example/gone' alt='b'>"
        "<img src='https://far.example/page.png' alt='c'>"
        "<img src='https://far.example/a%20b.jpg' alt='a'>"
    )
    files = {"x.json": json.dumps({"data": {"posts": [{"slug": "x", "html": page}]}})}
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        if url.endswith("gone"):
            raise NewsletterError("its server answers with 404 Not Found")
        return samples.picture() if url.endswith("jpg") else b"<html>"

    result = adopted(project, files, fetch=fetch)

    text = text_of(project, "x")
    assert text.count("![a](pictures/x/a-b.png)") == 2
    assert (project.issues / "pictures/x/a-b.png").read_bytes() == samples.picture()
    assert details(result, ChangeKind.PICTURE_REMOTE) == [
        "https://far.example/gone: its server answers with 404 Not Found",
        "https://far.example/page.png: what stands there is no picture",
    ]
    assert len(asked) == 3


@pytest.mark.parametrize("name", SAMPLES)
def test_an_archive_may_lie_in_a_folder_of_its_own(project: Project, name: str) -> None:
    """As in the zip file of a repository."""
    files, stems = SAMPLES[name]
    below = {f"main-1/docs/{path}": content for path, content in files.items()}

    result = adopted(project, {**below, "main-1/readme.md": "x"}, dry_run=True)

    assert (result.system, sorted(each.path.stem for each in result.issues)) == (name, stems)


def test_code_of_a_post_stays_as_it_is(project: Project) -> None:
    code = "`{{ site.url }}` and ``{% raw %}``\n\n```liquid\n{% post_url x %}\n```\n"
    files = {"_posts/2024-01-01-x.md": f"---\ntitle: x\n---\n{code}"}

    adopted(project, files)

    assert text_of(project, "2024-01-01-x").endswith(f"---\n\n{code}")


def test_the_table_of_buttondown_is_read_too(project: Project) -> None:
    rows = [{"subject": "B", "body": "<p>x</p>", "publish_date": "2024-05-06", "slug": "b"}]
    files = {**samples.BUTTONDOWN_TABLE, "drafts.json": json.dumps(rows)}

    adopted(project, files)

    assert text_of(project, "2024-03-04-a-loom").endswith("Some *words*,\non two lines.\n")
    assert text_of(project, "2024-05-06-b").endswith("---\n\nx\n")


def test_what_stands_here_is_never_replaced(project: Project) -> None:
    """Neither a file nor a slug, nor a folder of pictures; a second time adopts nothing."""
    (project.issues / "mine.md").write_text("---\nslug: dyes-of-spring\n---\nMine.\n")
    (project.issues / "2024-04-05-indigo.md").write_text("---\nslug: other\n---\nMine.\n")
    (project.issues / "pictures" / "a-loom").mkdir(parents=True)
    (project.issues / "pictures" / "a-loom" / "loom.png").write_bytes(b"mine")
    before = snapshot(project.issues)

    first = adopted(project, samples.HUGO)
    second = adopted(project, samples.BUTTONDOWN)
    after = snapshot(project.issues)
    again = adopted(project, samples.BUTTONDOWN)

    assert before.items() <= after.items()
    assert [each.path.name for each in first.issues] == ["2024-05-06-woad.md"]
    assert "an issue has the slug 'dyes-of-spring' already" in details(first, ChangeKind.LEFT)
    assert "2024-04-05-indigo.md is there already" in details(first, ChangeKind.LEFT)
    assert len(second.issues) == 2
    assert "pictures/a-loom-2/loom.png" in after
    assert (again.issues, snapshot(project.issues)) == ((), after)


def test_two_posts_of_one_slug_are_both_adopted(project: Project) -> None:
    files = {
        "content/a/x.md": "---\ndate: 2024-01-01\n---\nA",
        "content/b/x.md": "---\ndate: 2024-01-01\n---\nB",
    }

    result = adopted(project, files)

    assert [each.path.name for each in result.issues] == ["2024-01-01-x.md", "2024-01-01-x-2.md"]
    assert details(result, ChangeKind.RENAMED) == ["the slug x is x-2"]


def test_a_dry_run_writes_nothing(project: Project) -> None:
    before = snapshot(project.root)

    result = adopted(project, samples.GHOST, dry_run=True)

    assert len(result.issues) == 3
    assert snapshot(project.root) == before


@pytest.mark.parametrize("failing", [1, 3])
def test_an_interrupted_adoption_leaves_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """Not even when most of it was moved already."""
    before = snapshot(project.root)
    calls = iter(range(1, 10))

    def interrupted(path: Path, content: bytes) -> None:
        if next(calls) == failing:
            raise KeyboardInterrupt
        write_new(path, content)

    monkeypatch.setattr(adopting, "write_new", interrupted)
    with pytest.raises(KeyboardInterrupt):
        adopted(project, samples.HUGO)

    assert snapshot(project.root) == before


def test_a_run_that_is_killed_leaves_no_pictures_but_those_of_one_issue(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever issue it is at; the next run takes up what has no issue yet."""
    extra: list[int] = []

    def counting(path: Path, content: bytes) -> None:
        folders = list((project.issues / "pictures").glob("*"))
        named = "".join(issue.read_text() for issue in project.issues.glob("*.md"))
        extra.append(sum(f"pictures/{folder.name}/" not in named for folder in folders))
        write_new(path, content)

    monkeypatch.setattr(adopting, "write_new", counting)
    files: dict[str, str | bytes] = {"hugo.toml": "baseURL = 'https://old.example/'\n"}
    for number in range(1, 4):
        front = f"---\ntitle: P{number}\ndate: 2024-01-0{number}\n---\n"
        files[f"content/posts/p{number}/index.md"] = f"{front}![p](p.png)\n"
        files[f"content/posts/p{number}/p.png"] = samples.picture()

    adopted(project, files)

    assert extra == [1, 1, 1]


def test_a_full_disk_is_told_and_leaves_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(adopting, "write_new", full)

    with pytest.raises(NewsletterError, match="No space left on device"):
        adopted(project, samples.HUGO)

    assert not snapshot(project.issues)


def test_what_a_killed_run_left_is_no_obstacle(project: Project) -> None:
    stage = project.root / ".adopting"
    as_folder({"old.md": "x", "pictures/x/y.png": "x"}, stage)

    adopted(project, samples.BUTTONDOWN)

    assert not stage.exists()
    assert not (project.issues / "old.md").exists()


def test_texts_in_other_encodings_and_none_are_told(project: Project) -> None:
    post = "---\ntitle: Bäume\ndate: 2024-01-01\n---\nGrün\n"
    files: Files = {
        "content/a.md": post.encode("windows-1252"),
        "content/b.md": post.encode("utf-16"),
        "content/c.md": b"\x89PNG\x00",
        "content/e.md": "---\ndate: 2024-01-02\n---\n" + "x" * 1_100_000,
    }

    result = adopted(project, files)

    stems = {each.path.stem for each in result.issues}
    assert stems == {"2024-01-01-a", "2024-01-01-b"}
    assert {parsed(project, stem).digest.title_text for stem in stems} == {"Bäume"}
    left = {change.place: change.detail for change in result.left}
    assert left["content/c.md"] == "it is no text"
    assert left["content/e.md"] == "it has more than 1024 KB"


def test_what_no_system_has_written_is_told(project: Project) -> None:
    with pytest.raises(UsageError, match="what this is an archive of"):
        adopted(project, {"readme.txt": "Hello"})


def test_a_system_may_be_named(project: Project) -> None:
    files = {"content/a.md": "---\ndate: 2024-01-01\n---\nx", "posts.csv": "post_id\n"}

    assert adopted(project, files, dry_run=True).system == "substack"
    assert adopted(project, files, system_name="hugo").system == "hugo"


def test_each_system_can_be_named() -> None:
    assert [system.NAME for system in SYSTEMS] == list(SystemName)


def test_the_report_has_a_line_for_each_change_and_runs_no_formula(
    project: Project, tmp_path: Path
) -> None:
    files = {"content/a.md": "---\ntitle: x\ndate: 2024-01-01\n---\n![x](=cmd.png)\n"}
    result = adopted(project, files)

    reporting.write(result, tmp_path / "report.csv")

    rows = list(csv.reader((tmp_path / "report.csv").read_text("utf-8").splitlines()))
    assert rows[:3] == [
        ["place", "what", "detail"],
        ["content/a.md", "adopted", "2024-01-01-a.md"],
        ["content/a.md:5", "picture-missing", "'=cmd.png"],
    ]
    assert {"picture-missing", "short-issue"} <= {what for _, what, _ in rows[3:]}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.dates().map(str),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = [
    "id",
    "title",
    "slug",
    "html",
    "lexical",
    "mobiledoc",
    "published_at",
    "feature_image",
    "status",
    "type",
    "visibility",
    "custom_excerpt",
]


@given(rows=st.lists(st.dictionaries(st.sampled_from(KEYS), values), min_size=1, max_size=3))
@settings(max_examples=examples(20))
def test_an_export_of_ghost_may_hold_anything(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]]
) -> None:
    project = project_in(tmp_path_factory.mktemp("x"))
    facts = {"data": {"posts": rows, "tags": rows, "posts_tags": rows, "posts_meta": rows}}

    result = adopt(project, as_folder({"x.json": json.dumps(facts)}, project.root / "from"))

    assert len(result.issues) + len(result.left) == len(rows)


lines = st.sampled_from(
    [
        "---",
        "+++",
        "{",
        "}",
        "title: x",
        'title = "x"',
        "date: 2024-01-01",
        "images: {a: [b]}",
        "categories: 7",
        "tags: {x: y}",
        "slug: [1]",
        "cover: {image: [x]}",
        "{{< figure >}}",
        '{{< figure src="a"',
        "{{< ref >}}",
        "![x](a(b)c.png)",
        "{% highlight %}",
        "![",
        "draft: x",
    ]
)


@given(texts=st.lists(st.lists(lines, max_size=8).map("\n".join), min_size=1, max_size=3))
@settings(max_examples=examples(20))
def test_posts_of_hugo_and_jekyll_may_hold_anything(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    project = project_in(tmp_path_factory.mktemp("x"))
    for folder in ("content", "_posts"):
        files = {f"{folder}/2024-01-0{n}-{folder}.md": text for n, text in enumerate(texts, 1)}

        result = adopt(project, as_folder(files, project.root / f"from-{folder}"))

        assert len(result.issues) + len(result.left) == len(texts)


@pytest.mark.parametrize(
    "beginning",
    [
        *("{% comment %}", "{% highlight x %}\n", "{% include figure.html" + " " * 50, "{{ 'x"),
        *("{{< figure" + " " * 50, "{{< highlight go >}}\n", "{{<a ", "{{</* ", "{{< comment >}}"),
        *("<img ", "<img src=", "<a ", "![", "![a](", "![a](((", "`{{ site.url }} ", "{% raw %}{"),
    ],
)
def test_no_markup_takes_the_square_of_its_size(tmp_path: Path, beginning: str) -> None:
    body = beginning * (30_000 // len(beginning))
    files = {
        "_posts/2024-01-01-x.md": f"---\ntitle: x\n---\n{body}",
        "content/x.md": f"---\ndate: 2024-01-01\n---\n{body}",
    }
    began = time.process_time()

    with archives.opened(as_folder(files, tmp_path)) as archive:
        for system in SYSTEMS[0], SYSTEMS[-1]:
            [post] = system.posts(archive)
            assert isinstance(post, ForeignPost)
            PostPictures(Shelf(archive), post, "x").moved(post.body)

    assert time.process_time() - began < 2  # seconds; 0.03 are usual
