"""Pictures put where readers get them, before the first mail that shows them leaves.

What was published stays: a mail that lies in an inbox for years names its pictures by their
content, whatever becomes of the author's files.
"""

import datetime as dt
from collections.abc import Sequence

from newsletter.config import Settings
from newsletter.model.picture import Picture
from newsletter.store import Store, media


def publish(
    pictures: Sequence[Picture], settings: Settings, store: Store, now: dt.datetime
) -> None:
    """Publish all of them as `[media]` says; those that are there already stay as they are.

    Raises StoreError, ConfigurationError or PicturesUnpublished: then no mail may leave.
    """
    if not pictures:
        return
    if settings.media.kind == "s3":
        from newsletter.pictures.s3 import upload  # noqa: PLC0415 -- boto3, for who has a bucket

        upload(pictures, settings.media)
        return
    with store.write() as connection:
        media.add(connection, pictures, now)
