"""Backups that only the holder of a key or a passphrase can read, in the format of `age`.

Large ones go through in pieces: never more than some megabytes of one are in memory.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import IO, Any, ParamSpec, TypeVar

from newsletter.errors import ConfigurationError, NewsletterError, UsageError
from newsletter.safekeeping import passphrase as passphrases

P = ParamSpec("P")
T = TypeVar("T")

SUFFIX = ".age"
_MAGICS = (passphrases.MAGIC, b"-----BEGIN AGE ENCRYPTED FILE-----")
_IDENTITY = "AGE-SECRET-KEY-1"
_SSH_KEY = "-----BEGIN "
_MOST_BYTES = 64 * 1024  # of a file with keys
_WRONG = "it is encrypted for somebody else, or it was altered or cut off"


@dataclass(frozen=True, slots=True)
class Keys:
    """What locks a backup, or opens it: age keys, or a passphrase. Neither where both are empty."""

    keys: tuple[Any, ...] = field(default=(), repr=False)
    passphrase: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.keys or self.passphrase)


def locks(recipients: Sequence[str], passphrase_file: Path | None) -> Keys:
    """What backups are encrypted for. Raises UsageError for what is none, or where both are
    given."""
    if recipients and passphrase_file:
        raise UsageError(
            "a backup is encrypted either for recipients or by a passphrase",
            hint="Leave out one: --recipient or --passphrase-file, [backup] recipients or "
            "passphrase_file.",
        )
    if passphrase_file:
        return Keys(passphrase=_passphrase(passphrase_file))
    return Keys(tuple(_recipient(text) for text in recipients))


def openers(identity_file: Path | None, passphrase_file: Path | None) -> Keys:
    """What a backup is decrypted with. Raises UsageError."""
    if identity_file is None:
        return Keys(passphrase=_passphrase(passphrase_file) if passphrase_file else "")
    return Keys(tuple(_identities(identity_file)))


def is_sealed(start: bytes) -> bool:
    """Whether a file that begins so is encrypted."""
    return start.startswith(_MAGICS)


def seal(source: IO[bytes], target: IO[bytes], keys: Keys) -> None:
    """Write all of `source` encrypted. Raises OSError."""
    if keys.passphrase:
        passphrases.encrypt(source, target, keys.passphrase)
        return
    age = _age()
    _piped(age.encrypt_io, age.EncryptError, source, target, keys.keys)


def unseal(source: IO[bytes], target: IO[bytes], keys: Keys, where: str) -> None:
    """Write all of `source` decrypted. Raises NewsletterError where that cannot be, and OSError."""
    if not keys:
        raise UsageError(
            "the backup is encrypted",
            where=where,
            hint="Name what opens it: --identity FILE of age, or --passphrase-file FILE.",
        )
    try:
        if keys.passphrase:
            passphrases.decrypt(source, target, keys.passphrase)
            return
        age = _age()
        _piped(age.decrypt_io, age.DecryptError, source, target, keys.keys)
    except (passphrases.Unopened, _Failed) as error:
        what = "passphrase" if keys.passphrase else "key"
        raise NewsletterError(
            f"the backup cannot be opened with this {what}: {_WRONG}",
            where=where,
            hint=f"Name the right {what}, or take another copy.",
        ) from error


class _Failed(Exception):
    """The library found no key that fits, or what it read was altered."""


def _piped(
    work: Callable[..., object],
    failure: type[Exception],
    source: IO[bytes],
    target: IO[bytes],
    keys: tuple[Any, ...],
) -> None:
    """Raises what reading and writing raise: the library makes texts of that."""
    ends = (_End(source), _End(target))
    try:
        work(*ends, list(keys))
    except failure as error:
        for end in ends:
            if end.error is not None:
                raise end.error from error
        raise _Failed from error


class _End:
    """One end of a pipe, which remembers what went wrong at it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.error: OSError | None = None

    def read(self, size: int = -1) -> bytes:
        return self._watched(self._file.read, size)

    def write(self, content: bytes) -> int:
        return self._watched(self._file.write, content)

    def flush(self) -> None:
        self._watched(self._file.flush)

    def _watched(self, call: Callable[P, T], *arguments: P.args, **names: P.kwargs) -> T:
        try:
            return call(*arguments, **names)
        except OSError as error:
            self.error = error
            raise


def _age() -> Any:
    try:
        return import_module("pyrage")
    except ImportError as error:
        raise ConfigurationError(
            "encrypting for recipients needs the extra `age`, which is not installed",
            where="[backup] recipients",
            hint="Run: python -m pip install 'newsletter-press[age]'",
        ) from error


def _recipient(text: str) -> Any:
    age = _age()
    kind = age.ssh if text.startswith("ssh-") else age.x25519
    try:
        return kind.Recipient.from_str(text)
    except age.RecipientError as error:
        is_secret = text.upper().startswith(_IDENTITY)
        raise UsageError(
            "a secret key is no recipient: keep it away from the server"
            if is_secret
            else f"{text[:80]!r} is no recipient of age",
            where="--recipient, or [backup] recipients",
            hint="Write the public key, as age-keygen shows it: age1… (or ssh-ed25519 …)",
        ) from error


def _identities(file: Path) -> list[Any]:
    age = _age()
    text = _text_of(file)
    try:
        if text.lstrip().startswith(_SSH_KEY):
            return [age.ssh.Identity.from_buffer(text.encode())]
        lines = [line.strip() for line in text.splitlines()]
        keys = [line for line in lines if line and not line.startswith("#")]
        identities = [age.x25519.Identity.from_str(key) for key in keys]
    except age.IdentityError as error:
        raise _no_identity(file) from error
    if not identities:
        raise _no_identity(file)
    return identities


def _no_identity(file: Path) -> UsageError:
    return UsageError(
        "there is no secret key of age in this file",
        where=str(file),
        hint=f"It has a line that begins with {_IDENTITY}, as age-keygen wrote it.",
    )


def _passphrase(file: Path) -> str:
    passphrase = _text_of(file).strip("\r\n")
    if not passphrase or "\n" in passphrase:
        raise UsageError(
            "the file of the passphrase has more than one line"
            if passphrase
            else "the file of the passphrase is empty",
            where=str(file),
            hint="It holds the passphrase as its only line.",
        )
    return passphrase


def _text_of(file: Path) -> str:
    try:
        if file.is_file():
            with file.open("rb") as opened:
                return opened.read(_MOST_BYTES).decode()
        reason = "it is no file" if file.exists() else "there is no such file"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
    raise UsageError(
        f"the key or passphrase cannot be read: {reason}",
        where=str(file),
        hint="Name a file that the user who runs this may read.",
    )
