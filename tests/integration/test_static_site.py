"""`newsletter archive build`: the archive in a folder, and nothing else touched there."""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from lxml import html as lxml_html

from newsletter.errors import Refused
from newsletter.files import folder_lock, part_of
from newsletter.links import Links
from newsletter.model.listing import Hiding
from newsletter.store import Store
from newsletter.store.ledger import corrections
from newsletter.web import manifest
from newsletter.web.site import Site
from newsletter.web.static_site import Built, build
from tests.integration.commandline import Call
from tests.integration.publishing import BASE_URL, letter, sent, site_of, visiting
from tests.integration.sending import FixedClock, fill_list
from tests.waiting import until


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def site(sqlite_store: Store, tmp_path: Path, clock: FixedClock) -> Site:
    """A newsletter that has sent one issue."""
    fill_list(sqlite_store, 2)
    sent(sqlite_store, "慢", letter(), clock)
    return site_of(sqlite_store, tmp_path, clock=clock)


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def test_the_folder_holds_what_the_site_serves(site: Site, tmp_path: Path) -> None:
    """Byte for byte, with a policy in the page where no header can say it."""
    built = build(site, tmp_path / "public")

    found = files(tmp_path / "public")
    of_search = {path for path in found if path.startswith(("archive/search/", "static/search"))}
    assert built == Built(tmp_path / "public", pages=1, files=len(found))
    assert set(found) - of_search == {
        "archive/index.html",
        "archive/慢/index.html",
        "feed.json",
        "feed.xml",
        "static/style.css",
    }
    with visiting(site) as visitor:
        for path in found.keys() - of_search:
            content = found[path]
            address = path.removesuffix("index.html").replace("慢", "%E6%85%A2")
            assert visitor.get(f"/{address}").content == content
    assert b'http-equiv="Content-Security-Policy"' in found["archive/慢/index.html"]


def test_its_links_lead_to_its_own_files_below_any_address(
    site: Site, sqlite_store: Store, tmp_path: Path, clock: FixedClock
) -> None:
    for number in range(51):
        sent(sqlite_store, f"issue-{number}", letter(), clock)
    folder = tmp_path / "public"
    build(site, folder)
    met = set()

    for path in files(folder):
        if not path.endswith(".html"):
            continue
        here = f"http://host.example/some/where/{path.removesuffix('index.html')}"
        for _, _, link, _ in lxml_html.fromstring((folder / path).read_bytes()).iterlinks():
            if urlsplit(link).netloc:
                assert link.startswith(f"{BASE_URL}/")
                continue
            target = urlsplit(urljoin(here, link)).path.removeprefix("/some/where/")
            target = unquote(target) + ("index.html" if target.endswith("/") else "")
            assert (folder / target).is_file(), f"{path}: {link}"
            met.add(target)

    assert {"archive/page/2/index.html", "static/style.css", "feed.xml"} <= met


def test_building_again_changes_nothing_that_is_the_same(
    site: Site, sqlite_store: Store, tmp_path: Path, clock: FixedClock
) -> None:
    """The issue before the new one leads to it; those before stay as they are."""
    folder = tmp_path / "public"
    clock.forward(60)
    sent(sqlite_store, "second", letter("Second"), clock)
    build(site, folder)
    page = folder / "archive" / "慢" / "index.html"
    os.utime(page, (1, 1))
    clock.forward(60)
    sent(sqlite_store, "more", letter("More"), clock)

    build(site, folder)

    assert page.stat().st_mtime == 1
    assert 'href="../more/"' in (folder / "archive" / "second" / "index.html").read_text()
    assert "More" in (folder / "archive" / "index.html").read_text()


def test_pages_that_are_gone_are_removed_with_their_folders(
    site: Site, sqlite_store: Store, tmp_path: Path, clock: FixedClock
) -> None:
    folder = tmp_path / "public"
    build(site, folder)
    closed = site_of(sqlite_store, tmp_path, clock=clock, web={"archive_lists": []})

    built = build(closed, folder)

    assert built.pages == 0
    assert not (folder / "archive" / "慢").exists()
    assert (folder / "archive" / "index.html").exists()


FOREIGN = ["notes.txt", "archive/mine/index.html", "archive/慢/picture.png", "index.html"]


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("built_before", [False, True])
def test_a_folder_with_other_files_is_left_untouched(
    site: Site, tmp_path: Path, name: str, built_before: bool
) -> None:
    folder = tmp_path / "public"
    if built_before:
        build(site, folder)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("mine")
    before = files(folder)

    with pytest.raises(Refused) as refused:
        build(site, folder)

    assert refused.value.where == str(folder / name)
    assert files(folder) == before


def test_a_link_out_of_the_folder_is_not_followed(site: Site, tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "public"
    outside.mkdir()
    folder.mkdir()
    (folder / "archive").symlink_to(outside)

    with pytest.raises(Refused):
        build(site, folder)

    assert list(outside.iterdir()) == []


NOTES = ['["../outside"]', '["/etc/passwd"]', "{}", "[1]", "x", "\ud800", "[" * 100_000, "null"]


@pytest.mark.parametrize("noted", NOTES, ids=range(len(NOTES)))
def test_a_note_that_is_not_ours_removes_nothing(site: Site, tmp_path: Path, noted: str) -> None:
    (tmp_path / "outside").write_text("mine")
    folder = tmp_path / "public"
    folder.mkdir()
    (folder / ".newsletter-archive").write_bytes(noted.encode("utf-8", "surrogatepass"))

    with pytest.raises(Refused) as refused:
        build(site, folder)

    assert (tmp_path / "outside").read_text() == "mine"
    assert refused.value.where == str(folder / ".newsletter-archive")
    assert refused.value.hint


@pytest.mark.parametrize(
    "added", [".git/config", ".nojekyll", "notes.txt", "archive/../../outside", "/outside"]
)
def test_a_list_that_somebody_added_to_makes_nothing_ours(
    site: Site, tmp_path: Path, added: str
) -> None:
    """Else whoever writes into the folder has us remove what they cannot."""
    folder = tmp_path / "public"
    build(site, folder)
    for name in (".git/config", ".nojekyll", "notes.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("mine")
    note = folder / ".newsletter-archive"
    changed = json.loads(note.read_text("utf-8"))
    changed["paths"].append(str(tmp_path / added[1:]) if added.startswith("/") else added)
    note.write_text(json.dumps(changed), "utf-8")

    with pytest.raises(Refused, match="changed since"):
        build(site, folder)

    assert (folder / ".git" / "config").read_text() == "mine"
    assert (folder / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("path", ["../outside", "/outside", "archive/../../outside", ".git", ""])
def test_a_list_of_ours_removes_nothing_outside(site: Site, tmp_path: Path, path: str) -> None:
    """As an older version may have signed it, by mistake."""
    (tmp_path / "outside").write_text("mine")
    folder = tmp_path / "public"
    build(site, folder)
    listed = str(tmp_path / path[1:]) if path.startswith("/") else path
    manifest.write(folder, [listed, *files(folder)], site.links.keys)

    with pytest.raises(Refused):
        build(site, folder)

    assert (tmp_path / "outside").read_text() == "mine"


def test_a_folder_of_another_newsletter_is_refused_and_an_older_key_is_known(
    site: Site, tmp_path: Path
) -> None:
    folder = tmp_path / "public"
    build(site, folder)
    before = files(folder)

    site.links = Links(BASE_URL, ("the key of another newsletter",))
    with pytest.raises(Refused, match="another newsletter"):
        build(site, folder)
    assert files(folder) == before

    rotated = site_of(site.store, tmp_path).links.keys
    site.links = Links(BASE_URL, ("a newer key of this newsletter", *rotated))
    build(site, folder)
    site.links = Links(BASE_URL, ("a newer key of this newsletter",))
    build(site, folder)


@pytest.mark.parametrize(
    "place",
    [
        "",
        ".newsletter-archive",
        "archive",
        "archive/慢",
        "archive/index.html",
        "archive/.index.html.newsletter-part",
    ],
)
@pytest.mark.parametrize("target", ["a file", "a folder", "nothing"])
def test_no_link_is_followed_wherever_it_stands(
    site: Site, tmp_path: Path, place: str, target: str
) -> None:
    folder, outside = tmp_path / "public", tmp_path / "outside"
    build(site, folder)
    if target == "a file":
        outside.write_text("mine")
    elif target == "a folder":
        outside.mkdir()
        (outside / "index.html").write_text("mine")
    if place in ("", "archive", "archive/慢"):
        (folder / place).rename(tmp_path / "moved")
    else:
        (folder / place).unlink(missing_ok=True)
    (folder / place).symlink_to(outside)

    with pytest.raises(Refused) as refused:
        build(site, folder)

    assert refused.value.where == str(folder / place)
    match target:
        case "a file":
            assert outside.read_text() == "mine"
        case "a folder":
            assert [path.read_text() for path in outside.iterdir()] == ["mine"]
        case _:
            assert not outside.exists()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_in_place_of_its_list_is_refused_at_once(
    site: Site, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    folder = tmp_path / "public"
    build(site, folder)
    place = folder / manifest.NAME
    place.unlink()
    make(place)
    refused: list[Refused] = []

    def build_again() -> None:
        try:
            build(site, folder)
        except Refused as error:
            refused.append(error)

    building = threading.Thread(target=build_again, daemon=True)
    building.start()
    until(lambda: not building.is_alive())

    assert [error.where for error in refused] == [str(place)]


@pytest.mark.parametrize("slug", ["..", "x" * 270, "慢" * 100])
def test_a_slug_that_no_folder_can_have_is_named(
    sqlite_store: Store, tmp_path: Path, clock: FixedClock, slug: str
) -> None:
    """As an older version may have let through."""
    fill_list(sqlite_store, 1)
    sent(sqlite_store, slug, letter(), clock)

    with pytest.raises(Refused, match="cannot be the name of a folder"):
        build(site_of(sqlite_store, tmp_path, clock=clock), tmp_path / "public")

    assert not (tmp_path / "public").exists()


def test_what_a_host_needs_at_the_top_is_not_looked_at(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "public"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/pages")
    (folder / ".nojekyll").write_text("")

    build(site, folder)

    assert (folder / ".git" / "HEAD").read_text() == "ref: refs/heads/pages"


def test_a_build_that_was_killed_is_made_good_by_the_next(site: Site, tmp_path: Path) -> None:
    """It noted what it would write before it began, and left half a file."""
    folder = tmp_path / "public"
    build(site, folder)
    whole = files(folder)
    (folder / "archive" / "慢" / "index.html").unlink()
    part_of(folder / "archive" / "慢" / "index.html").write_text("half")

    build(site, folder)

    assert files(folder) == whole


def test_builds_of_one_folder_take_turns_and_each_writes_what_is_there_then(
    site: Site, sqlite_store: Store, tmp_path: Path, clock: FixedClock
) -> None:
    """Else the slower one would bring back what was hidden meanwhile, and forget what the other
    wrote."""
    folder, built = tmp_path / "public", list[Built]()
    build(site, folder)
    building = threading.Thread(target=lambda: built.append(build(site, folder)))
    with folder_lock(folder):
        building.start()
        building.join(0.3)
        sent(sqlite_store, "more", letter("More"), clock)
        with sqlite_store.write() as connection:
            corrections.hide(connection, Hiding("慢", clock(), "", ""))

    building.join()

    assert built[0].pages == 1
    assert not (folder / "archive" / "慢").exists()
    assert (folder / "archive" / "more" / "index.html").exists()
    assert build(site, folder) == built[0]


@pytest.fixture
def issue(call: Call, readers: str) -> str:
    assert call("send", "2026-01-07-valley", "--list", readers, "--yes").code == 0
    return "2026-01-07-valley"


def test_the_command_says_what_it_wrote(call: Call, issue: str, tmp_path: Path) -> None:
    done = call("archive", "build", str(tmp_path / "public"), "--json")

    assert done.code == 0
    count = len(files(tmp_path / "public"))
    assert done.json == {"folder": str(tmp_path / "public"), "pages": 1, "files": count}
    page = (tmp_path / "public" / "archive" / issue / "index.html").read_text("utf-8")
    assert "News of the valley" in page
    assert "/u/" not in page


def test_the_command_refuses_a_folder_with_other_files(call: Call, issue: str) -> None:
    assert call("archive", "build", ".").code == 5
