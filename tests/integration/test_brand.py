"""`[brand]`: one place for the face of a newsletter, in its mails, on its pages, in its feeds."""

import json
import re
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from newsletter.desk.brand import brand_of
from newsletter.errors import ConfigurationError
from newsletter.model.address import Address
from newsletter.model.subscriber import Request, RequestKind, Subscriber
from newsletter.notices.welcome import welcome
from newsletter.project import Project
from newsletter.render import colours
from newsletter.store import Store, media, open_store
from newsletter.store.people import lists
from newsletter.web import mailer
from newsletter.web.app import make_app
from newsletter.web.issues import Archive
from newsletter.web.site import Site
from tests.integration.commandline import Call
from tests.integration.web.stage import Visitor
from tests.pictures import drawn, encoded, png
from tests.unit.render import emc, outlook

ISSUE = "2026-01-07-valley"
ACCENT = "#1a4fa0"
BRAND = f"""
[brand]
logo = "pictures/logo.png"
accent = "{ACCENT}"
description = "What <moved>, at eight"
author = "Ada & Co"
links = {{ "Mastodon" = "https://social.example/@ada", "Web" = "https://ada.example/?a=1&b=2" }}
"""


@pytest.fixture
def branded(project: Path) -> Path:
    (project / "pictures").mkdir()
    (project / "pictures" / "logo.png").write_bytes(png(960, 240))
    with_brand(project, BRAND)
    return project


def with_brand(project: Path, brand: str) -> None:
    settings = project / "newsletter.toml"
    settings.write_text(settings.read_text() + brand)


def rendered(call: Call, project: Path) -> tuple[str, str]:
    assert call("render", ISSUE, "--out", "out").code == 0
    folder = project / "out" / ISSUE
    return (folder / "email.html").read_text(), (folder / "email.txt").read_text()


def test_the_mail_shows_logo_accent_and_links(call: Call, branded: Path) -> None:
    html, text = rendered(call, branded)

    (logo,) = re.findall(r"<img[^>]*class=\"[^\"]*\"[^>]*>|<img[^>]*alt=\"Newsletter\"[^>]*>", html)
    src = re.search(r'src="(media/[0-9a-f]{32}\.png)"', logo)
    assert src is not None
    assert (branded / "out" / ISSUE / src[1]).is_file()
    assert 'width="240"' in logo
    assert 'height="60"' in logo
    assert 'alt="Newsletter"' in logo
    assert ACCENT in html
    assert "#a8321f" not in html
    assert 'href="https://ada.example/?a=1&amp;b=2"' in html
    assert "Mastodon: https://social.example/@ada\n" in text
    assert text.index("Mastodon:") < text.index("Unsubscribe:")


def test_a_mail_without_a_brand_has_the_name_and_the_accent_of_the_theme(
    call: Call, project: Path
) -> None:
    html, _ = rendered(call, project)

    assert "#a8321f" in html
    assert 'alt="Newsletter"' not in html


def test_the_logo_is_published_before_the_first_mail(call: Call, branded: Path) -> None:
    call("subscribers", "import", "subscribers/example.csv", "--list", "readers")
    assert call("send", ISSUE, "--list", "readers", "--yes").code == 0

    opened = Project.open(branded)
    store = open_store(opened.settings.store.url, opened.root)
    with store.read() as connection:
        names = media.names(connection)
    store.close()
    assert brand_of(opened).pictures[0].name in names


def test_a_tall_logo_is_no_higher_than_a_line_of_words(branded: Path) -> None:
    (branded / "pictures" / "logo.png").write_bytes(png(400, 800))

    logo = brand_of(Project.open(branded)).logo

    assert logo is not None
    assert logo.height <= 64
    assert logo.width is not None
    assert logo.width <= 32


def test_a_logo_that_changes_is_seen(branded: Path) -> None:
    project = Project.open(branded)
    before = brand_of(project).logo
    (branded / "pictures" / "logo.png").write_bytes(png(480, 96))

    assert brand_of(project).logo != before


def test_a_logo_may_be_elsewhere(call: Call, project: Path) -> None:
    with_brand(project, '[brand]\nlogo = "https://ada.example/logo.png"\n')

    html, _ = rendered(call, project)

    assert 'src="https://ada.example/logo.png"' in html
    assert not (project / "out" / ISSUE / "media").exists()


@pytest.mark.parametrize(
    ("brand", "code", "line", "words"),
    [
        ('logo = "pictures/lgo.png"', 2, 2, ("no picture 'pictures/lgo.png'",)),
        ('logo = "brand/x.png"', 2, 2, ("path begins at the project's folder",)),
        ('logo = "../logo.png"', 2, 2, ("outside", "into the project's folder")),
        ('logo = "issues"', 2, 2, ("'issues' is a folder", "Name a picture in it")),
        ('logo = "newsletter.toml"', 2, 2, ("cannot be shown",)),
        ('logo = "http://a.example/l.png"', 2, 2, ("begin with https://",)),
        ('logo = "data:image/png;base64,x"', 2, 2, ("begin with https://",)),
        ('accent = "#999999"', 2, 2, ("#999999 on #ffffff", "2.85", "4.5", "darker")),
        ('accent = "red"', 2, 2, ("six digits",)),
        ('acent = "#102030"', 2, 2, ("did you mean 'accent'?",)),
        ('links = { Web = "javascript:alert(1)" }', 2, 2, ("whole address",)),
        ('links = { Web = "example.com" }', 2, 2, ("whole address",)),
        ('description = "two\\nlines"', 2, 2, ("line breaks",)),
    ],
)
def test_a_fault_says_where_what_and_what_to_do(
    call: Call, project: Path, brand: str, code: int, line: int, words: tuple[str, ...]
) -> None:
    before = len((project / "newsletter.toml").read_text().splitlines())
    with_brand(project, f"[brand]\n{brand}\n")

    answer = call("render", ISSUE, "--out", "out", "--json")

    error = answer.json["error"]
    told = f"{error['message']} {error['where']} {error['hint']}"
    assert answer.code == code
    assert all(word in told for word in words), told
    assert f":{before + line}" in told or f"line {before + line}" in told
    assert error["hint"]


# --- pages, feeds and the mails of the pages ------------------------------------------------------


@pytest.fixture
def site(store: Store, branded: Path) -> Site:
    project = Project.open(branded)
    return Site.of(project, store)


def test_the_pages_show_it(call: Call, site: Site) -> None:
    client = Visitor(make_app(site), "192.0.2.7")

    page = client.get("/archive/").text
    style = client.get("/static/style.css").text
    (src,) = re.findall(r'<img src="([^"]+)"', page)
    logo = client.get(src)

    assert logo.status_code == 200
    assert logo.headers["content-type"] == "image/png"
    assert 'alt="Newsletter"' in page
    assert "What &lt;moved&gt;, at eight" in page
    assert 'href="https://ada.example/?a=1&amp;b=2"' in page
    assert f"--accent: {ACCENT}" in style
    assert "--accent: #a8321f" not in style
    assert "img-src 'self' https:" in client.get("/archive/").headers["content-security-policy"]


def test_the_feeds_name_who_writes_and_what_it_is(site: Site) -> None:
    archive = Archive(site)
    archive.refresh()
    (atom, feed) = (archive.file(name) for name in ("feed.xml", "feed.json"))

    assert atom is not None
    assert feed is not None
    found = json.loads(feed.content)
    assert found["authors"] == [{"name": "Ada & Co"}]
    assert found["description"] == "What <moved>, at eight"
    assert found["icon"].startswith("https://news.example.com/media/")
    text = atom.content.decode()
    assert "<subtitle>What &lt;moved&gt;, at eight</subtitle>" in text
    assert "<name>Ada &amp; Co</name>" in text
    assert "<logo>https://" in text


def asking(site: Site, kind: RequestKind = RequestKind.JOIN) -> str:
    """The HTML of a mail that asks for a yes."""
    who = Address("new@example.com")
    request = Request(7, kind, 1, None, who, who.text, "", site.clock())
    (html,) = mailer.asking(site, request).email.html
    assert isinstance(html, str)
    return html


def test_the_mail_that_asks_for_a_yes_has_the_same_face(site: Site) -> None:
    """Its logo has the whole address: it is read elsewhere."""
    html = asking(site)

    assert f"background-color:{ACCENT}" in html
    assert 'src="https://news.example.com/media/' in html
    assert 'alt="Newsletter"' in html
    assert "#a8321f" not in html


def test_in_the_dark_it_has_the_colours_of_the_issues(
    call: Call, branded: Path, sqlite_store: Store
) -> None:
    issue, _ = rendered(call, branded)

    site = Site.of(Project.open(branded), sqlite_store)

    dark = site.pages.look.dark
    assert colours.contrast(dark["accent"], dark["sheet"]) >= colours.TEXT_CONTRAST
    both = {dark[name] for name in ("paper", "sheet", "ink", "soft", "accent")}
    assert both <= in_the_dark(issue)
    of_a_dark_logo = site.pages.look.light["sheet"]
    assert in_the_dark(asking(site)) == {*both, dark["on_accent"], of_a_dark_logo}


def test_a_welcome_is_the_issue_in_the_dark_too(call: Call, branded: Path) -> None:
    call("lists", "create", "readers")
    call("subscribers", "add", "old@example.com", "--list", "readers")
    assert call("send", ISSUE, "--list", "readers", "--yes").code == 0
    issue, _ = rendered(call, branded)
    newcomer = Subscriber(99, Address("new@example.com"))

    project = Project.open(branded)
    with closing(open_store(project.settings.store.url, branded)) as store:
        with store.read() as connection:
            readers = lists.id_of(connection, "readers")
        message = welcome(store, Site.of(project, store).links, "latest", newcomer, readers)

    assert message is not None
    assert in_the_dark(message.html) == in_the_dark(issue)


def in_the_dark(html: str) -> set[str]:
    """The colours that a mail names for dark mode."""
    rules = html[html.index("prefers-color-scheme") : html.index("</head>")]
    return set(re.findall(r"#[0-9a-f]{6}", rules))


@pytest.mark.parametrize("language", ["en", "ar", "zh-CN"])
@pytest.mark.parametrize("brand", ["", BRAND], ids=["plain", "brand"])
def test_it_obeys_the_rules_for_issues(
    sqlite_store: Store, branded: Path, language: str, brand: str
) -> None:
    """Those of Outlook and of the Email Markup Consortium."""
    path = branded / "newsletter.toml"
    source = path.read_text().replace(BRAND, brand)
    path.write_text(source.replace('language = "en"', f'language = "{language}"'))

    html = asking(Site.of(Project.open(branded), sqlite_store), RequestKind.ERASE)

    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in html
    rules = {*outlook.RULES, *emc.RULES} - {
        outlook.preheader_fills_the_inbox,  # it hides nothing
        emc.most_text_is_large_enough,  # the address of its link is as long as all else
    }
    assert {rule.__name__: list(rule(html)) for rule in rules if list(rule(html))} == {}


def test_from_right_to_left_it_begins_on_the_right(sqlite_store: Store, branded: Path) -> None:
    """But the address of the link, and yours in Latin letters, read from left to right."""
    path = branded / "newsletter.toml"
    path.write_text(path.read_text().replace('language = "en"', 'language = "ar"'))

    html = asking(Site.of(Project.open(branded), sqlite_store))

    assert 'align="left"' not in html
    assert re.search(r'<p [^>]*dir="ltr" align="right"[^>]*>https://', html)
    assert re.search(r'<span dir="auto"[^>]*>[^<]*Example Street', html)


# --- a logo in the dark ---------------------------------------------------------------------------


def logo(ink: str, ground: str | None = None) -> bytes:
    """A word in some ink on nothing, or on a ground of its own."""
    image = Image.new("RGBA", (480, 96), ground or "#00000000")
    image.paste(ink, (20, 20, 300, 60))
    return encoded(image, "PNG")


@pytest.mark.parametrize(
    ("content", "is_dark"),
    [
        (logo("#101830"), True),
        (logo("#1f1d1b"), True),
        (logo("#1a4fa0"), False),
        (logo("#ffffff"), False),
        (logo("#101830", "#ffffff"), False),
        (encoded(drawn(480, 96), "JPEG"), False),
    ],
    ids=["ink", "night", "blue", "white", "on its own ground", "photograph"],
)
def test_a_logo_that_the_dark_would_swallow_is_known(
    branded: Path, content: bytes, is_dark: bool
) -> None:
    name = "logo.png" if content.startswith(b"\x89PNG") else "logo.jpg"
    (branded / "pictures" / name).write_bytes(content)
    path = branded / "newsletter.toml"
    path.write_text(path.read_text().replace("logo.png", name))

    shown = brand_of(Project.open(branded)).logo

    assert shown is not None
    assert shown.is_dark is is_dark


def test_it_stands_on_a_light_ground_wherever_it_is_shown(
    call: Call, branded: Path, sqlite_store: Store
) -> None:
    (branded / "pictures" / "logo.png").write_bytes(logo("#101830"))
    issue, _ = rendered(call, branded)
    site = Site.of(Project.open(branded), sqlite_store)
    client = Visitor(make_app(site), "192.0.2.7")

    for html in (issue, asking(site), client.get("/archive/").text):
        assert re.search(r'<img [^>]*class="dark-logo"', html)
    for sheet in (issue, asking(site), client.get("/static/style.css").text):
        dark = sheet[sheet.index("prefers-color-scheme") :]
        assert re.search(r"\.dark-logo ?\{[^}]*background: ?#ffffff", dark)


def test_an_accent_that_cannot_be_read_stops_the_site(store: Store, project: Path) -> None:
    with_brand(project, '[brand]\naccent = "#ffee00"\n')

    with pytest.raises(ConfigurationError, match="#ffee00"):
        Site.of(Project.open(project), store)
