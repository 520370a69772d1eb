"""A picture beside an issue: in the render, in the mail, on the site, in a bucket."""

import datetime as dt
import email
import io
import os
import re
from collections.abc import Iterator
from email import policy
from pathlib import Path
from typing import Any

import boto3
import pytest
import sqlalchemy as sa
from PIL import Image

from newsletter.desk.prepare import prepare
from newsletter.desk.publishing import publish
from newsletter.project import Project
from newsletter.store import Store, maintenance, media, open_store, schema
from newsletter.web.static_site import build
from tests.integration.aws import KEYS, REGION, Aws, running_aws
from tests.integration.commandline import ISSUE, Call, plan_send
from tests.integration.publishing import sent, site_of, visiting
from tests.integration.sending import FixedClock, fill_list
from tests.pictures import exif, jpeg

BASE = "https://news.example.com"
OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"
SHOWN = re.compile(r'<img[^>]* src="([^"]+)"')
NAME = re.compile(r"media/([0-9a-f]{32}\.jpg)")
BODY = """
![Cranes at dawn](pictures/harbour.jpg "The harbour")
"""


@pytest.fixture
def harbour(project: Path) -> Path:
    """A photograph beside the issue `2026-01-07-valley`, taken sideways and with its place."""
    picture = project / "issues" / "pictures" / "harbour.jpg"
    picture.parent.mkdir(exist_ok=True)
    picture.write_bytes(jpeg(1500, 2000, exif=exif(6)))
    write(project, BODY)
    return picture


def write(project: Path, body: str, **front: str) -> None:
    keys = "".join(f"{key}: {value}\n" for key, value in front.items())
    text = ISSUE.replace("coverImage: https://example.com/cover.png\n", keys) if front else ISSUE
    (project / "issues" / "2026-01-07-valley.md").write_text(text + body, "utf-8")


@pytest.fixture
def readers(call: Call) -> None:
    assert call("lists", "create", "readers").code == 0
    assert call("subscribers", "add", "ada@example.com", "--list", "readers").code == 0


def shown(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def kept(project: Path) -> dict[str, bytes]:
    """The pictures in the store of a newsletter."""
    opened = Project.open(project)
    store = open_store(opened.settings.store.url, opened.root)
    try:
        with store.read() as connection:
            return {
                name: media.content(connection, name) or b"" for name in media.names(connection)
            }
    finally:
        store.close()


def mails(project: Path) -> list[str]:
    """The HTML of each mail in the outbox."""
    found = []
    for path in sorted((project / "outbox").rglob("*.eml")):
        mail = email.message_from_bytes(path.read_bytes(), policy=policy.default)
        part = mail.get_body(("html",))
        assert part is not None
        found.append(part.get_content())
    return found


# --- render and lint ------------------------------------------------------------------------------


@pytest.mark.usefixtures("harbour")
def test_render_shows_it_without_a_network(project: Path, call: Call) -> None:
    answer = call("render", "2026-01-07-valley", "--out", "out", "--json")

    folder = project / "out" / "2026-01-07-valley"
    html = (folder / "email.html").read_text()
    (source,) = [found for found in SHOWN.findall(html) if "cover" not in found]
    assert [finding["rule"] for finding in answer.json["findings"]] == []
    assert str(Path("out") / "2026-01-07-valley" / source) in answer.json["files"]
    image = shown((folder / source).read_bytes())
    assert (image.format, image.size) == ("JPEG", (1152, 864))
    assert not image.getexif()
    assert f"{BASE}/{source}" in (folder / "email.txt").read_text()
    assert re.search(r'<img[^>]* width="568" height="426"', html)
    eml = email.message_from_bytes((folder / "email.eml").read_bytes(), policy=policy.default)
    part = eml.get_body(("html",))
    assert part is not None
    assert f'src="{BASE}/{source}"' in part.get_content()


def test_the_cover_and_a_picture_of_a_width_are_made_for_their_places(
    project: Path, call: Call, harbour: Path
) -> None:
    harbour.write_bytes(jpeg(2000, 1000))
    small = '\n<img src="pictures/harbour.jpg" alt="Cranes" width="100">\n'
    write(project, small, coverImage="pictures/harbour.jpg")

    call("render", "2026-01-07-valley", "--out", "out")

    folder = project / "out" / "2026-01-07-valley"
    sizes = {shown(path.read_bytes()).size for path in (folder / "media").iterdir()}
    assert sizes == {(1280, 640), (200, 100)}
    assert re.search(r'<img[^>]* width="100" height="50"', (folder / "email.html").read_text())


def test_a_new_render_of_the_same_file_has_the_same_bytes(
    project: Path, call: Call, harbour: Path
) -> None:
    folder = project / "out" / "2026-01-07-valley"
    call("render", "2026-01-07-valley", "--out", "out")
    first = {path.name: path.read_bytes() for path in (folder / "media").iterdir()}

    call("render", "2026-01-07-valley", "--out", "out")

    assert {path.name: path.read_bytes() for path in (folder / "media").iterdir()} == first
    assert len(first) == 1


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("![Cranes](pictures/harbor.jpg)", "picture-missing"),
        ("![](pictures/harbour.jpg)", "image-without-alt"),
        ("![Cranes](pictures/outside.jpg)", "picture-outside"),
        ("![Cranes](../../secret.jpg)", "picture-outside"),
        ("![Cranes](pictures/cut.jpg)", "picture-unreadable"),
        ('<img src="pictures/drawn.svg" alt="Cranes">', "picture-unreadable"),
    ],
)
@pytest.mark.usefixtures("readers")
def test_a_picture_that_cannot_be_shown_is_an_error_and_nothing_is_sent(
    project: Path, call: Call, harbour: Path, body: str, rule: str
) -> None:
    (project.parent / "secret.jpg").write_bytes(jpeg())
    harbour.with_name("outside.jpg").symlink_to(project.parent / "secret.jpg")
    harbour.with_name("cut.jpg").write_bytes(jpeg(400, 300)[:2000])
    harbour.with_name("drawn.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    write(project, f"\n{body}\n")

    found = call("lint", "2026-01-07-valley", "--json")
    test = call("test", "2026-01-07-valley", "--to", "you@example.com")
    send = call("send", "2026-01-07-valley", "--list", "readers", "--yes")

    assert [(finding["rule"], finding["line"]) for finding in found.lines] == [(rule, 11)]
    assert found.lines[0]["severity"] == "error"
    assert (found.code, test.code, send.code) == (3, 3, 3)
    assert (mails(project), kept(project)) == ([], {})


# --- the site -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("harbour", "readers")
@pytest.mark.parametrize(
    "arguments",
    [
        ["test", "2026-01-07-valley", "--to", "you@example.com"],
        ["send", "2026-01-07-valley", "--list", "readers", "--yes"],
    ],
    ids=["test", "send"],
)
def test_what_a_mail_shows_is_in_the_store(project: Path, call: Call, arguments: list[str]) -> None:
    assert call(*arguments).code == 0

    (html,) = mails(project)
    pictures = kept(project)
    assert list(pictures) == NAME.findall(html)
    assert f'src="{BASE}/media/{next(iter(pictures))}"' in html
    assert shown(next(iter(pictures.values()))).size == (1152, 864)


@pytest.mark.usefixtures("harbour", "readers")
@pytest.mark.parametrize(
    "arguments",
    [
        ["send", "2026-01-07-valley", "--list", "readers", "--dry-run"],
        ["lint", "2026-01-07-valley"],
        ["render", "2026-01-07-valley", "--out", "out"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_what_sends_nothing_publishes_nothing(
    project: Path, call: Call, arguments: list[str]
) -> None:
    call(*arguments)

    assert kept(project) == {}


@pytest.mark.usefixtures("readers")
def test_a_send_that_goes_on_shows_what_was_sealed_whatever_became_of_the_file(
    project: Path, call: Call, harbour: Path
) -> None:
    send_id = plan_send(project, "2026-01-07-valley", "readers")
    (sealed,) = kept(project)
    harbour.unlink()

    assert call("resume", send_id).code == 0

    (html,) = mails(project)
    assert NAME.findall(html) == [sealed]
    assert list(kept(project)) == [sealed]


@pytest.mark.usefixtures("readers")
def test_what_replaces_a_schedule_is_published_too(
    project: Path, call: Call, harbour: Path
) -> None:
    at = dt.datetime(2099, 1, 1, tzinfo=dt.UTC)
    send_id = plan_send(project, "2026-01-07-valley", "readers", at=at)
    before = set(kept(project))
    harbour.write_bytes(jpeg(100, 50))

    assert call("reschedule", send_id, "--replace").code == 0

    assert before < set(kept(project))
    assert len(kept(project)) == 2


def published(project: Path, store: Store, body: str) -> tuple[str, str]:
    """An issue that was sent from a store, with its picture; returns its slug and the name."""
    write(project, body)
    prepared = prepare(Project.open(project), "2026-01-07-valley")
    clock = FixedClock()
    fill_list(store, 1)
    publish(prepared.pictures, Project.open(project).settings, store, clock())
    sent(store, prepared.digest.slug, prepared.email, clock)
    return prepared.digest.slug, prepared.pictures[0].name


@pytest.mark.usefixtures("harbour")
def test_the_site_shows_it_for_ever_and_nothing_else(
    project: Path, store: Store, tmp_path: Path
) -> None:
    _, name = published(project, store, BODY)
    other = name.replace(name[:4], "0000")

    with visiting(site_of(store, project)) as visitor:
        answer = visitor.get(f"/media/{name}")
        again = visitor.get(f"/media/{name}", {"If-None-Match": answer.headers["ETag"]})
        head = visitor.get(f"/media/{name}", method="HEAD")
        missing = [
            visitor.get(f"/media/{path}").status
            for path in (
                other,
                "",
                name.upper(),
                f"{name}x",
                "..%2F..%2Fnewsletter.toml",
                "%00.jpg",
            )
        ]

    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert shown(answer.content).size == (1152, 864)
    assert (again.status, again.content) == (304, b"")
    assert (head.status, head.content) == (200, b"")
    assert missing == [404] * 6


@pytest.mark.usefixtures("harbour")
def test_the_archive_shows_its_own_copy_below_any_address(
    project: Path, sqlite_store: Store, tmp_path: Path
) -> None:
    slug, name = published(project, sqlite_store, BODY)
    site = site_of(sqlite_store, project)

    built = build(site, tmp_path / "public")

    page = (tmp_path / "public" / "archive" / slug / "index.html").read_text()
    picture = tmp_path / "public" / "media" / name
    assert f'src="../../media/{name}"' in page
    assert f"{BASE}/media/" not in page
    assert 'src="https://example.com/cover.png"' in page
    assert shown(picture.read_bytes()).size == (1152, 864)
    files = [file for file in built.folder.rglob("[!.]*") if file.is_file()]
    assert built.files == len(files)
    with visiting(site) as visitor:
        assert visitor.get(f"/archive/{slug}/").text == page
    assert f"{BASE}/media/{name}" in (tmp_path / "public" / "feed.xml").read_text()


@pytest.mark.usefixtures("harbour")
def test_pictures_of_mails_that_are_not_in_the_archive_are_built_too(
    project: Path, sqlite_store: Store, tmp_path: Path
) -> None:
    """Who got such a mail has no other place to get them from."""
    _, name = published(project, sqlite_store, BODY)
    hidden = site_of(sqlite_store, project, web={"archive_lists": []})

    built = build(hidden, tmp_path / "public")

    assert built.pages == 0
    assert (tmp_path / "public" / "media" / name).is_file()


@pytest.mark.usefixtures("harbour")
def test_publishing_the_same_again_changes_nothing(project: Path, store: Store) -> None:
    prepared = prepare(Project.open(project), "2026-01-07-valley")
    clock, settings = FixedClock(), Project.open(project).settings
    publish(prepared.pictures, settings, store, clock())

    publish(prepared.pictures, settings, store, clock())

    with store.read() as connection:
        assert list(media.names(connection)) == [prepared.pictures[0].name]
        assert media.content(connection, prepared.pictures[0].name) == prepared.pictures[0].content


@pytest.mark.usefixtures("harbour")
def test_a_picture_that_has_to_go_goes_as_documented(
    project: Path, sqlite_store: Store, tmp_path: Path
) -> None:
    slug, name = published(project, sqlite_store, BODY)
    site = site_of(sqlite_store, project)
    build(site, tmp_path / "public")
    (statement,) = re.findall(r"```sql\n(DELETE FROM media .*)\n```", OPERATING.read_text("utf-8"))

    with sqlite_store.write() as connection:
        connection.execute(sa.text(re.sub(r"'.*'", f"'{name}'", statement)))
    build(site, tmp_path / "public")

    assert not (tmp_path / "public" / "media" / name).exists()
    assert (tmp_path / "public" / "archive" / slug / "index.html").is_file()
    assert maintenance.verify(sqlite_store) == []
    with visiting(site) as visitor:
        assert visitor.get(f"/media/{name}").status == 404


@pytest.mark.usefixtures("harbour")
def test_a_picture_that_was_altered_in_the_store_is_found(project: Path, store: Store) -> None:
    _, name = published(project, store, BODY)
    assert maintenance.verify(store) == []
    with store.write() as connection:
        connection.execute(sa.update(schema.media).values(content=b"another"))

    assert maintenance.verify(store) == [
        f"the content of the picture {name} does not match its name"
    ]


# --- a bucket -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with running_aws() as found:
        yield found


@pytest.fixture
def bucket(aws: Aws, project: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the S3 that the newsletter's pictures go to."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in KEYS.items():
        monkeypatch.setenv(name.upper(), value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with (project / "newsletter.toml").open("a") as settings:
        settings.write(
            '\n[media]\nkind = "s3"\nbucket = "weekly"\nprefix = "pictures/2026"\n'
            f'public_url = "https://cdn.example.com"\nregion = "{REGION}"\n'
            f'endpoint_url = "{aws.url}"\n'
        )
    keys: Any = KEYS
    return boto3.client("s3", REGION, endpoint_url=aws.url, **keys)


@pytest.mark.usefixtures("harbour", "readers")
def test_a_picture_is_in_the_bucket_before_the_mail_that_shows_it(
    project: Path, call: Call, bucket: Any
) -> None:
    bucket.create_bucket(Bucket="weekly")

    answer = call("send", "2026-01-07-valley", "--list", "readers", "--yes")

    assert answer.code == 0
    (html,) = mails(project)
    (key,) = [found["Key"] for found in bucket.list_objects_v2(Bucket="weekly")["Contents"]]
    stored = bucket.get_object(Bucket="weekly", Key=key)
    assert f'src="https://cdn.example.com/{key}"' in html
    assert re.fullmatch(r"pictures/2026/[0-9a-f]{32}\.jpg", key)
    assert stored["CacheControl"] == "public, max-age=31536000, immutable"
    assert stored["ContentType"] == "image/jpeg"
    assert shown(stored["Body"].read()).size == (1152, 864)
    assert kept(project) == {}


@pytest.mark.usefixtures("harbour", "readers")
@pytest.mark.parametrize(
    ("settings", "says", "code"),
    [
        ({"BUCKET": "nobodys"}, "NoSuchBucket", 2),
        ({"ENDPOINT_URL": "http://127.0.0.1:9"}, "pictures cannot be published", 1),
    ],
    ids=["no bucket", "nobody answers"],
)
def test_nothing_is_sent_or_planned_where_the_bucket_takes_nothing(
    project: Path,
    call: Call,
    bucket: Any,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    says: str,
    code: int,
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"NEWSLETTER_MEDIA__{name}", value)

    answers = [
        call("send", "2026-01-07-valley", "--list", "readers", "--yes"),
        call("test", "2026-01-07-valley", "--to", "you@example.com"),
    ]

    assert [answer.code for answer in answers] == [code, code]
    assert all(says in answer.err for answer in answers)
    assert mails(project) == []
    assert call("sends", "--json").lines == []


@pytest.mark.usefixtures("harbour", "bucket")
def test_looking_at_an_issue_asks_no_bucket(project: Path, call: Call) -> None:
    answer = call("render", "2026-01-07-valley", "--out", "out")

    html = (project / "out" / "2026-01-07-valley" / "email.html").read_text()
    assert answer.code == 0
    assert NAME.search(html)
    assert "cdn.example.com" not in html
