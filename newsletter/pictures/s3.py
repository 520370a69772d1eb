"""Pictures in a bucket of S3, or of a service that speaks its protocol."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from newsletter.aws.clients import answer_of, open_clients
from newsletter.aws.faults import SettingsSection, code_of
from newsletter.config import MediaSettings
from newsletter.errors import ConfigurationError, PicturesUnpublished
from newsletter.model.picture import Picture, media_type

_CALLS = 8  # at once
_FOR_EVER = "public, max-age=31536000, immutable"  # a name is made of its content
_SECTION = SettingsSection(
    "media",
    "S3",
    region="Set [media] region, or AWS_REGION.",
    endpoint="Set [media] endpoint_url to a whole URL such as https://host, or none.",
    permissions=("s3:PutObject",),
)
_OF_THE_BUCKET = ("NoSuchBucket", "PermanentRedirect", "InvalidBucketName")
# Putting the same picture twice does no harm, so the SDK may try again.
_CONFIG = Config(retries={"total_max_attempts": 4, "mode": "standard"}, max_pool_connections=_CALLS)


def upload(pictures: Sequence[Picture], settings: MediaSettings) -> None:
    """Put each picture into the bucket. Raises ConfigurationError or PicturesUnpublished."""
    [client] = open_clients(
        "s3",
        _SECTION,
        region=settings.region,
        endpoint=settings.endpoint_url,
        configs=[_CONFIG],
    )
    with ThreadPoolExecutor(_CALLS) as calls:
        list(calls.map(partial(_put, client, settings), pictures))


def _put(client: Any, settings: MediaSettings, picture: Picture) -> None:
    call = partial(
        client.put_object,
        Bucket=settings.bucket,
        Key="/".join(filter(None, (settings.prefix, picture.name))),
        Body=picture.content,
        ContentType=media_type(picture.name),
        CacheControl=_FOR_EVER,
    )
    try:
        answer_of(call, _SECTION, PicturesUnpublished, "the pictures cannot be published")
    except PicturesUnpublished as error:
        cause = error.__cause__
        if not isinstance(cause, ClientError) or code_of(cause) not in _OF_THE_BUCKET:
            raise
        hint = "Nothing was sent. Set [media] bucket and region to those of a bucket that exists."
        raise ConfigurationError(error.message, where=_SECTION.where, hint=hint) from cause
