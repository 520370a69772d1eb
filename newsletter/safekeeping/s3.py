"""Backups in a bucket of S3, or of a service that speaks its protocol."""

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from newsletter.aws.clients import answer_of, open_clients
from newsletter.aws.faults import SettingsSection, code_of
from newsletter.config import BackupSettings
from newsletter.errors import ConfigurationError, NewsletterError, UsageError

T = TypeVar("T")

_SECTION = SettingsSection(
    "backup",
    "S3",
    region="Set [backup] region, or AWS_REGION.",
    endpoint="Set [backup] endpoint_url to a whole URL such as https://host, or none.",
    permissions=("s3:PutObject", "s3:GetObject", "s3:ListBucket", "s3:DeleteObject"),
)
_OF_THE_BUCKET = ("NoSuchBucket", "PermanentRedirect", "InvalidBucketName")
_MISSING = ("404", "NoSuchKey", "NotFound")
_CONFIG = Config(retries={"total_max_attempts": 4, "mode": "standard"})
_PARTS = TransferConfig(
    multipart_threshold=16 << 20, multipart_chunksize=16 << 20, max_concurrency=4
)
_HASH = "sha256"


def open_bucket(name: str, prefix: str, settings: BackupSettings) -> "Bucket":
    """Raises ConfigurationError where credentials, region or endpoint are missing."""
    [client] = open_clients(
        "s3", _SECTION, region=settings.region, endpoint=settings.endpoint_url, configs=[_CONFIG]
    )
    return Bucket(name, f"{prefix}/" if prefix else "", client)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A folder of a bucket. An object appears in it once it is there as a whole."""

    bucket: str
    prefix: str
    client: Any = field(repr=False)

    def where(self, name: str = "") -> str:
        return f"s3://{self.bucket}/{self.prefix}{name}"

    def names(self) -> Sequence[str]:
        def listed() -> list[str]:
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self.prefix, Delimiter="/"
            )
            return [item["Key"] for page in pages for item in page.get("Contents", ())]

        return [key.removeprefix(self.prefix) for key in self._answer(listed, self.where())]

    def put(self, part: Path, name: str) -> None:
        """The service compares what arrives with a checksum; its size is looked up afterwards, and
        its hash stays with it for whoever fetches it."""
        if self._find(name) is not None:
            raise FileExistsError(name)
        with part.open("rb") as content:
            digest = hashlib.file_digest(content, _HASH).hexdigest()
            size = content.seek(0, 2)
            content.seek(0)
            upload = partial(
                self.client.upload_fileobj,
                content,
                self.bucket,
                self.prefix + name,
                ExtraArgs={"Metadata": {_HASH: digest}, "ContentType": "application/octet-stream"},
                Config=_PARTS,
            )
            self._answer(upload, self.where(name))
        there = self._find(name)
        if there is None or there["ContentLength"] != size:
            raise NewsletterError(
                "the backup did not arrive whole in the bucket",
                where=self.where(name),
                hint="Delete what is there, and try again.",
            )

    def fetch(self, name: str, target: IO[bytes]) -> dt.datetime:
        there = self._find(name)
        if there is None:
            raise UsageError(
                "there is no such object",
                where=self.where(name),
                hint="Name one that `newsletter db backup` wrote.",
            )
        reply = self._answer(
            partial(self.client.get_object, Bucket=self.bucket, Key=self.prefix + name),
            self.where(name),
        )
        digest = hashlib.new(_HASH)
        pieces = reply["Body"].iter_chunks(1 << 20)
        while piece := self._answer(partial(next, pieces, b""), self.where(name)):
            digest.update(piece)
            target.write(piece)
        expected = there["Metadata"].get(_HASH, digest.hexdigest())
        if digest.hexdigest() != expected:
            raise NewsletterError(
                "what arrived from the bucket is not what was put there",
                where=self.where(name),
                hint="Try again, or take another copy.",
            )
        at: dt.datetime = there["LastModified"]
        return at

    def remove(self, name: str) -> None:
        delete = partial(self.client.delete_object, Bucket=self.bucket, Key=self.prefix + name)
        self._answer(delete, self.where(name))

    def _find(self, name: str) -> dict[str, Any] | None:
        """The object of a name, None where there is none."""

        def head() -> dict[str, Any] | None:
            try:
                reply: dict[str, Any] = self.client.head_object(
                    Bucket=self.bucket, Key=self.prefix + name
                )
            except ClientError as error:
                if code_of(error) in _MISSING:
                    return None
                raise
            return reply

        return self._answer(head, self.where(name))

    def _answer(self, call: Callable[[], T], where: str) -> T:
        """Raises ConfigurationError for what a person has to mend, else NewsletterError."""

        try:
            return answer_of(call, _SECTION, NewsletterError, "the bucket of the backups")
        except NewsletterError as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and code_of(cause) in _OF_THE_BUCKET:
                hint = "Name a bucket that exists, and its region as [backup] region."
                raise ConfigurationError(error.message, where=where, hint=hint) from cause
            if not isinstance(error, ConfigurationError):
                error.where = where
            raise
