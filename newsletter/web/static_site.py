"""The archive as a static site: the files of `newsletter serve`, in a folder."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from newsletter.config import MEDIA_FOLDER
from newsletter.errors import NewsletterError, Refused
from newsletter.files import folder_lock, make_folder, part_of, write_whole
from newsletter.store import Store, media
from newsletter.web import manifest, static_search
from newsletter.web.assets import STYLE_PATH, style_sheet
from newsletter.web.issues import Archive
from newsletter.web.look import Look
from newsletter.web.site import Site

_NAME_BYTES = 255  # the most that a file's name has
_PATIENCE_SECONDS = 600  # with another build of the same folder


@dataclass(frozen=True, slots=True)
class Built:
    """`pages` are those of issues, `files` all that belong to the site."""

    folder: Path
    pages: int
    files: int


def build(site: Site, folder: Path) -> Built:
    """Make a folder hold the archive and no page that is gone.

    Files that did not change are left alone, each other one is replaced whole; the next build
    completes one that was interrupted. Raises Refused where the folder is a link, or holds a link
    or anything that no build wrote, apart from names at its top that begin with a dot; and
    StoreError. Builds of one folder take turns, and each writes what the archive is at its own.
    """
    if folder.is_symlink():
        raise _refused(folder, "is a link, which is not followed")
    is_new = not folder.exists()
    make_folder(folder)
    try:
        with folder_lock(folder, gives_up_after=_PATIENCE_SECONDS):
            return _build(site, folder)
    except NewsletterError:
        if is_new and not any(folder.iterdir()):
            folder.rmdir()
        raise


def _build(site: Site, folder: Path) -> Built:
    archive = Archive(site)
    archive.refresh()
    keys = site.links.keys
    earlier = manifest.read(folder, keys)
    _refuse_foreign(folder, earlier)
    contents = {
        **dict(_contents(archive, site.pages.look)),
        **dict(_searching(site, archive)),
        **dict(_pictures(site.store)),
    }
    # Before any file: a build that is killed must know its own.
    manifest.write(folder, earlier | contents.keys(), keys)
    for path, content in contents.items():
        _write(folder / path, content())
    for path in earlier - contents.keys():
        _remove(folder, path)
    manifest.write(folder, contents.keys(), keys)
    return Built(folder, len(archive.issues), len(contents))


def _contents(archive: Archive, look: Look) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """How to make each file; one is made after the other, since pictures are large."""
    yield STYLE_PATH, partial(style_sheet, look)
    for path in archive.paths:
        _must_be_a_name(path)
        yield path, partial(_page, archive, path)


def _searching(site: Site, archive: Archive) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """The search of it; an issue that is called as its page keeps the path."""
    taken = set(archive.paths)
    for path, content in static_search.contents(site, archive):
        if path not in taken:
            yield path, partial(bytes, content)


def _page(archive: Archive, path: str) -> bytes:
    file = archive.file(path)
    assert file is not None  # nobody else refreshes it
    return file.content


def _pictures(store: Store) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Those of all mails, even of issues that are not in the archive: their readers have no others.

    Nobody without such a mail can guess a picture's name.
    """
    with store.read() as connection:
        names = media.names(connection)
    for name in names:
        yield f"{MEDIA_FOLDER}/{name}", partial(_picture, store, name)


def _picture(store: Store, name: str) -> bytes:
    with store.read() as connection:
        content = media.content(connection, name)
    assert content is not None  # none is ever removed
    return content


def _must_be_a_name(path: str) -> None:
    """Raises Refused for an issue of an older version whose slug no folder can have."""
    for name in path.split("/"):
        if name in ("", ".", "..") or len(os.fsencode(name)) > _NAME_BYTES:
            raise Refused(
                f"the issue {name[:60]!r} has a slug that cannot be the name of a folder",
                hint="Leave its list out of [web] archive_lists, or show it by newsletter serve.",
            )


def _refuse_foreign(folder: Path, ours: set[str]) -> None:
    our_files = ours | {part_of(Path(path)).as_posix() for path in ours}
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        if not name.startswith(".") and (name not in our_files or path.is_symlink()):
            raise _refused(path, "was not written by this command")


def _files(folder: Path) -> Iterator[Path]:
    """All files below a folder, and links to folders, which could lead anywhere."""
    for place, folders, files in os.walk(folder):
        if Path(place) == folder:
            folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in files)
        yield from (Path(place, name) for name in folders if Path(place, name).is_symlink())


def _refused(path: Path, why: str) -> Refused:
    return Refused(
        f"it {why}, and nothing was written",
        where=str(path),
        hint="Name an empty folder, or one that `newsletter archive build` made.",
    )


def _write(path: Path, content: bytes) -> None:
    if path.is_file() and path.read_bytes() == content:
        return
    make_folder(path.parent)
    write_whole(path, content)


def _remove(folder: Path, path: str) -> None:
    """Remove a page that is gone, and the folders that it leaves empty."""
    (folder / path).unlink(missing_ok=True)
    part_of(folder / path).unlink(missing_ok=True)
    for parent in PurePosixPath(path).parents:
        parent_folder = folder / parent
        if not parent.parts or not parent_folder.is_dir() or any(parent_folder.iterdir()):
            return
        parent_folder.rmdir()
