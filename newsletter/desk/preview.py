"""An issue as files, for a sample reader: what `render` writes."""

import dataclasses
import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from newsletter.config import MEDIA_FOLDER
from newsletter.desk.prepare import Prepared
from newsletter.errors import NewsletterError
from newsletter.files import make_folder, write_whole
from newsletter.links import Links
from newsletter.model.digest import Digest
from newsletter.model.email import Message
from newsletter.model.inline import Node
from newsletter.model.send import Foot
from newsletter.model.subscriber import Subscriber
from newsletter.project import Project
from newsletter.sending.compose import SAMPLE_READER, SendContext, compose, for_send
from newsletter.transports import mime


@dataclass(frozen=True, slots=True)
class Written:
    files: tuple[Path, ...]
    html_bytes: int


def write(prepared: Prepared, project: Project, folder: Path) -> Written:
    """Write email.html, email.txt, email.eml, digest.json and the pictures into a folder.

    All is composed before the first file is touched, and each file is replaced whole. email.html
    shows the pictures that lie beside it; the others name their public addresses, as a mail does.
    """
    message = sample_message(prepared, project)
    html = with_pictures_in(MEDIA_FOLDER, message.html, prepared, project)
    contents = {
        "email.html": html.encode(),
        "email.txt": message.text.encode(),
        "email.eml": mime.compose(message, dt.datetime.now(dt.UTC)),
        "digest.json": (digest_json(prepared.digest) + "\n").encode(),
        **{f"{MEDIA_FOLDER}/{picture.name}": picture.content for picture in prepared.pictures},
    }
    try:
        for name, content in contents.items():
            make_folder((folder / name).parent)
            write_whole(folder / name, content, follows=True)
    except OSError as error:
        raise NewsletterError(
            f"cannot write: {error.strerror}", where=str(folder), hint="Name another --out."
        ) from error
    return Written(tuple(folder / name for name in contents), len(message.html.encode()))


def with_pictures_in(folder: str, html: str, prepared: Prepared, project: Project) -> str:
    """A mail whose pictures are shown before they are published, from a folder."""
    public = project.settings.pictures_url
    for picture in prepared.pictures:
        html = html.replace(f"{public}/{picture.name}", f"{folder}/{picture.name}")
    return html


def sample_message(prepared: Prepared, project: Project) -> Message:
    """The email for a sample reader: see `message_to`."""
    return message_to(SAMPLE_READER, prepared, project)


def message_to(reader: Subscriber, prepared: Prepared, project: Project) -> Message:
    """The email as a reader would get it; its links lead to base_url and open nobody's page."""
    base_url = project.settings.newsletter.base_url
    list_name = prepared.digest.meta.list or ""
    context = SendContext(
        send_id="preview",
        slug=prepared.digest.slug,
        list_id=1,
        list_name=list_name,
        links=Links(base_url, ("the key of previews, which no page accepts",)),
        in_ledger=False,
        foot=Foot(is_open=project.settings.web.opens(list_name)),
    )
    return compose(for_send(prepared.email, context), reader, context, 1, 1)


def digest_json(digest: Digest) -> str:
    """The whole tree; each node has its type, line and column."""
    return json.dumps(_plain(digest), ensure_ascii=False, indent=1)


def _plain(value: object) -> Any:
    match value:
        case Node():
            head = {"type": type(value).__name__, "line": value.position.line}
            if value.position.column is not None:
                head["column"] = value.position.column
            rest = {
                spec.name: _plain(getattr(value, spec.name))
                for spec in dataclasses.fields(value)
                if spec.name != "position"
            }
            return head | rest
        case Enum():
            return value.value
        case tuple() | list():
            return [_plain(part) for part in value]
        case Mapping():
            return {str(key): _plain(part) for key, part in value.items()}
        case dt.date():
            return value.isoformat()
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {
                spec.name: _plain(getattr(value, spec.name))
                for spec in dataclasses.fields(value)
                if spec.compare
            }
        case str() | int() | float() | bool() | None:
            return value
        case _:
            return str(value)
