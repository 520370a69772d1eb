"""What each column of a file is: by its name, by the system that wrote it, or by an option."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from newsletter.audience import statuses
from newsletter.audience.cells import RESERVED, attribute_name, quoted
from newsletter.audience.csvfile import CsvFile
from newsletter.audience.ownlayout import OwnColumns, own_columns
from newsletter.audience.spreadsheet import unguard
from newsletter.audience.statuses import StatusColumn
from newsletter.audience.systems import System
from newsletter.audience.vocabulary import FILE_NAMES
from newsletter.errors import UsageError
from newsletter.meant import did_you_mean
from newsletter.model.standing import Standing

IGNORED = "-"
ATTRIBUTE = "attribute"
_EMAIL = (
    *("email", "e-mail", "email address", "e-mail address", "email_address", "address"),
    *("emailaddress", "e_mail", "mail", "电子邮件", "邮箱"),
)
_FIRST = frozenset({"first_name", "firstname", "fname", "given_name", "forename"})
_LAST = frozenset({"last_name", "lastname", "lname", "surname", "family_name"})
_JSON = frozenset({"attributes", "attribs", "metadata", "custom_fields"})
_CONSENT_SOURCE = frozenset({"consent_source", "optin_source", "opt_in_source"})
_CONSENT_IP = frozenset(
    {"consent_ip", "optin_ip", "opt_in_ip", "confirm_ip", "confirmed_ip", "subscribed_ip"}
)
_MARK = "\ufeff"  # of each of several files that were put together


@dataclass(frozen=True, slots=True)
class Choice:
    """What options say about the columns, by name in lower case.

    `fields` are email, name, first_name, last_name, status, consent_at, consent_source, consent_ip,
    `attribute`, `-` for none, or the name of an attribute. Where there is an `only`, no other
    column becomes an attribute. `everybody` is what the file says of all its people, whatever its
    columns do. `is_vouched` says that an option, rather than the default, decides about people of
    whom the file says nothing.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    only: frozenset[str] = frozenset()
    everybody: Standing | None = None
    is_vouched: bool = False

    def check(self, headers: Iterable[Sequence[str]]) -> None:
        """Raises UsageError for a column that none of the files has."""
        header_names = [name for header in headers for name in names_of(header)]
        for name in (*self.fields, *self.only):
            if name not in header_names:
                raise UsageError(
                    f"there is no column {name!r}", hint=did_you_mean(name, header_names)
                )


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the values of a row are; an index of -1 is a column that the file does not have.

    Of the consent columns the first that is filled counts. Attributes, and the columns that hold
    JSON objects of them, are indexes and names, these quoted for JSON. `everybody` is what the file
    says of all its people. `unnamed` columns must be empty; `others`, which nobody said anything
    about, must not hold a word that says no. Where some are `agreed_in`, a row that fills none of
    these never said yes.
    """

    email: int
    name: int
    first_name: int
    last_name: int
    statuses: tuple[StatusColumn, ...]
    everybody: Standing | None
    consent_at: tuple[int, ...]
    consent_source: tuple[int, ...]
    consent_ip: tuple[int, ...]
    json: tuple[tuple[int, str], ...]
    attributes: tuple[tuple[int, str], ...]
    unnamed: tuple[int, ...]
    others: tuple[int, ...] = ()
    agreed_in: tuple[int, ...] = ()
    own: OwnColumns | None = None


def column_name(text: str) -> str:
    """The normal form of a column's name in a header or an option."""
    return unicodedata.normalize("NFC", text.strip().strip(_MARK).strip().lower())


def names_of(header: Sequence[str]) -> list[str]:
    return [column_name(unguard(cell)) for cell in header]


def columns_of(file: CsvFile, system: System | None, choice: Choice) -> Columns:
    """What the columns of a header are. Raises UsageError where that is not clear.

    A file with `email` may have `address` as an attribute, the postal one. A corrected file of
    rejects begins with its two extra columns.
    """
    header, where = file.header, f"{file.path}:1"
    names = names_of(header)
    _check_repeated(names, where)
    fields = _Fields(names, system, choice)
    email = fields.email(header, where)
    is_rejects = names[:2] == ["line", "reason"]
    used = {email, *fields.all("name"), *((0, 1) if is_rejects else ())}
    columns: list[StatusColumn] = []
    attributes: dict[int, str] = {}
    unnamed, others = [], []
    is_own = system is not None and system.is_own
    for index, name in enumerate(names):
        if index in used:
            continue
        match fields.of(index):
            case "status":
                columns.append(StatusColumn(index, name, fields.meaning(name)))
            case "consent_at" | "consent_source" | "consent_ip" | "json" | "-":
                pass
            case "" if not name:
                unnamed.append(index)
            case known_as:
                attributes[index] = _attribute(known_as or name, index, where, verbatim=is_own)
                if fields.is_open(name):
                    others.append(index)
    if any(each.name == "status" for each in columns):
        attributes = {at: name for at, name in attributes.items() if names[at] != "list"}
    if choice.only:
        attributes = {at: name for at, name in attributes.items() if names[at] in choice.only}
    first, last = (fields.part(parts) for parts in (_FIRST, _LAST))
    _check_twice(attributes.values(), where)
    everybody = choice.everybody or fields.everybody(file.name)
    own = own_columns(names) if is_own and not choice.everybody else None
    tells = bool(columns or everybody or own)
    if not tells:
        _check_silence(file, names, system, is_vouched=choice.is_vouched)
    return Columns(
        email=email,
        name=fields.one("name"),
        first_name=first,
        last_name=last,
        statuses=() if choice.everybody else tuple(columns),
        everybody=everybody,
        consent_at=fields.all("consent_at"),
        consent_source=fields.all("consent_source"),
        consent_ip=fields.all("consent_ip"),
        json=tuple((at, _label(names[at])) for at in fields.all("json")),
        attributes=tuple((at, _label(name)) for at, name in attributes.items()),
        unnamed=tuple(unnamed),
        others=() if choice.everybody else tuple(others),
        agreed_in=() if everybody or choice.is_vouched else fields.agreed_in(),
        own=own,
    )


def _check_repeated(names: Sequence[str], where: str) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1 and name}):
        raise UsageError(
            f"two columns are called {twice[0]!r}", where=where, hint="Rename one of them."
        )


def _check_silence(
    file: CsvFile, names: Sequence[str], system: System | None, *, is_vouched: bool
) -> None:
    """Raises UsageError where a file should say who wants mail but does not."""
    if system and not (system.a_file_each or system.words.keys() & set(names)):
        raise UsageError(
            f"this is not an export of {system.name}: it has no column {' or '.join(system.words)}",
            where=f"{file.path}:1",
            hint="Leave --from out, or say what all its people are: --as unsubscribed.",
        )
    if not is_vouched:
        _check_file_name(file)


class _Fields:
    """Which field each column is: by an option, by the system, or by its name."""

    def __init__(self, names: Sequence[str], system: System | None, choice: Choice) -> None:
        self._names = names
        self._system = system
        self._choice = choice
        self._fields = [self._field(name) for name in names]

    def of(self, index: int) -> str:
        return self._fields[index]

    def all(self, field_name: str) -> tuple[int, ...]:
        """The columns of a field, in the order in which they count."""
        indexes = [index for index, name in enumerate(self._fields) if name == field_name]
        order = list(getattr(self._system, field_name, ())) if self._system else []
        rank = {name: place for place, name in enumerate(order)}
        return tuple(sorted(indexes, key=lambda index: rank.get(self._names[index], len(order))))

    def one(self, field_name: str) -> int:
        return next(iter(self.all(field_name)), -1)

    def part(self, names: frozenset[str]) -> int:
        """The column of a first or a last name."""
        for index, name in enumerate(self._names):
            if (self._fields[index] or attribute_name(name)) in names:
                return index
        return -1

    def email(self, header: Sequence[str], where: str) -> int:
        if chosen := self.all("email"):
            return chosen[0]
        for name in (*(self._system.email if self._system else ()), *_EMAIL):
            if name in self._names and not self._fields[self._names.index(name)]:
                return self._names.index(name)
        if any("@" in cell for cell in header):
            raise UsageError(
                "the first line names no columns: it holds an address",
                where=where,
                hint="Put a line before it that names them, such as: email",
            )
        raise UsageError(
            "no column is called email or address",
            where=where,
            hint="Say which it is with --map COLUMN=email. The first line names the columns; it "
            f"has: {', '.join(cell[:30] for cell in list(header)[:8])}",
        )

    def meaning(self, name: str) -> statuses.StatusReader:
        if self._system and self._choice.fields.get(name) != "status":
            if name in self._system.words:
                return statuses.by_words(self._system.words[name])
            if name in self._system.happened:
                return statuses.if_filled(self._system.happened[name])
        return statuses.by_name(name) or statuses.status_word

    def agreed_in(self) -> tuple[int, ...]:
        has_times = self._system is not None and self._system.has_times_of_yes
        return self.all("consent_at") if has_times else ()

    def is_open(self, name: str) -> bool:
        """Whether neither an option nor a system says what this column is."""
        system = self._system
        is_known = system is not None and (system.is_own or name in system.attributes)
        return not (is_known or name in self._choice.fields)

    def everybody(self, file_name: str) -> Standing | None:
        """What a file says about all its people by its name or by a column that only such files
        have."""
        system = self._system
        if system is None or not system.a_file_each:
            return None
        for column, standing in system.happened.items():
            if column in self._names:
                return standing
        lowered = file_name.lower()
        return next((says for word, says in system.file_names.items() if word in lowered), None)

    def _field(self, name: str) -> str:
        """Empty for an attribute by its own name."""
        choice = self._choice.fields.get(name)
        if choice is not None:
            return "" if choice == ATTRIBUTE else choice.removeprefix("attribute:")
        if self._system is not None and (field_name := _field_in(self._system, name)) is not None:
            return field_name
        if name == "name":
            return "name"
        if attribute_name(name) in _CONSENT_SOURCE:
            return "consent_source"
        if attribute_name(name) in _CONSENT_IP:
            return "consent_ip"
        if self._system is None and name in _JSON:
            return "json"
        if self._system is not None and self._system.is_own:
            return ""
        return "status" if statuses.by_name(name) else ""


def _check_file_name(file: CsvFile) -> None:
    """Raises UsageError for a file whose name says that its people left while its columns say
    nothing: taking that for a yes would be the worst mistake."""
    stem = file.name.rpartition(".")[0].lower() or file.name.lower()
    standing = next((says for words, says in FILE_NAMES.items() if re.search(words, stem)), None)
    if standing is None:
        return
    match standing:
        case Standing.PENDING:
            option = "--pending"
        case Standing.UNSUBSCRIBED:
            option = "--as unsubscribed"
        case _:
            option = f"--as suppressed --reason {standing.value}"
    raise UsageError(
        f"the file is called {file.name}, and no column says otherwise about its people",
        where=str(file.path),
        hint=f"Say what they are: {option}. If they all said yes: --confirmed.",
    )


def _field_in(system: System, name: str) -> str | None:
    """The field of a column in a system's own record, None where it has none."""
    for field_name in ("consent_at", "consent_source", "consent_ip", "json"):
        if name in getattr(system, field_name):
            return field_name
    if name in system.words or name in system.happened:
        return "status"
    if name in system.attributes:
        return ""
    return IGNORED if name in system.ignored else None


def _attribute(name: str, index: int, where: str, *, verbatim: bool) -> str:
    name = name.removeprefix("attribute:")
    known_as = attribute_name(name)
    if known_as and verbatim:  # from before names had no spaces
        known_as = name
    if known_as in RESERVED:
        raise UsageError(
            f"another column is the {known_as} already, beside the one called {name!r}",
            where=where,
            hint=f"Leave it out: --ignore {name!r}, or keep it as: --map {name!r}=NAME",
        )
    if not known_as:
        raise UsageError(
            f"column {index + 1} has no name that can be used",
            where=where,
            hint="Name each column, in up to 50 characters, or leave it out: --ignore COLUMN",
        )
    return known_as


def _label(attribute: str) -> str:
    return f"{quoted(attribute)}:"


def _check_twice(names: Iterable[str], where: str) -> None:
    all_names = list(names)
    if twice := sorted({name for name in all_names if all_names.count(name) > 1}):
        raise UsageError(
            f"two columns become the attribute {twice[0]!r}",
            where=where,
            hint="Give one of them another name: --map COLUMN=NAME, or leave it out: "
            "--ignore COLUMN",
        )
