"""What each column of a file is: by its name, by the system that wrote it, or as it was told."""

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
    """What the columns are told to be: by name, in lower case.

    `fields` are email, name, first_name, last_name, status, consent_at, consent_source, consent_ip,
    `attribute`, `-` for none, or the name of an attribute. Where there is an `only`, no other
    column becomes an attribute. `everybody` is what the file says of all its people, whatever its
    columns do. `is_vouched` says that somebody told what those are of whom the file says nothing,
    and does not take the default.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    only: frozenset[str] = frozenset()
    everybody: Standing | None = None
    is_vouched: bool = False

    def check(self, headers: Iterable[Sequence[str]]) -> None:
        """Raises UsageError for a column that none of the files has."""
        known = [name for header in headers for name in names_of(header)]
        for name in (*self.fields, *self.only):
            if name not in known:
                raise UsageError(f"there is no column {name!r}", hint=did_you_mean(name, known))


@dataclass(frozen=True, slots=True)
class Columns:
    """Where in a row what is; an index of -1 is a column that the file does not have.

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
    """The form in which a column is known, whoever names it: a header or an option."""
    return unicodedata.normalize("NFC", text.strip().strip(_MARK).strip().lower())


def names_of(header: Sequence[str]) -> list[str]:
    return [column_name(unguard(cell)) for cell in header]


def columns_of(file: CsvFile, system: System | None, choice: Choice) -> Columns:
    """What the columns of a header are. Raises UsageError where that cannot be told.

    A file with `email` may have `address` as an attribute, the postal one. A file of rejects, put
    right, begins with its two extra columns.
    """
    header, where = file.header, f"{file.path}:1"
    names = names_of(header)
    _check_repeated(names, where)
    fields = _Fields(names, system, choice)
    email = fields.email(header, where)
    is_rejects = names[:2] == ["line", "reason"]
    taken = {email, *fields.all("name"), *((0, 1) if is_rejects else ())}
    columns: list[StatusColumn] = []
    attributes: dict[int, str] = {}
    unnamed, others = [], []
    is_own = system is not None and system.is_own
    for index, name in enumerate(names):
        if index in taken:
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
    """Raises UsageError where a file says nothing of who wants mail, and ought to."""
    if system and not (system.a_file_each or system.words.keys() & set(names)):
        raise UsageError(
            f"this is no export of {system.name}: it has no column {' or '.join(system.words)}",
            where=f"{file.path}:1",
            hint="Leave --from out, or say what all its people are: --as unsubscribed.",
        )
    if not is_vouched:
        _check_file_name(file)


class _Fields:
    """Which field each column is: as told, as the system has it, or by its name."""

    def __init__(self, names: Sequence[str], system: System | None, choice: Choice) -> None:
        self._names = names
        self._system = system
        self._choice = choice
        self._fields = [self._field(name) for name in names]

    def of(self, index: int) -> str:
        return self._fields[index]

    def all(self, wanted: str) -> tuple[int, ...]:
        """The columns of a field, in the order in which they are asked."""
        found = [index for index, name in enumerate(self._fields) if name == wanted]
        order = list(getattr(self._system, wanted, ())) if self._system else []
        rank = {name: place for place, name in enumerate(order)}
        return tuple(sorted(found, key=lambda index: rank.get(self._names[index], len(order))))

    def one(self, wanted: str) -> int:
        return next(iter(self.all(wanted)), -1)

    def part(self, known: frozenset[str]) -> int:
        """The column of a first or a last name."""
        for index, name in enumerate(self._names):
            if (self._fields[index] or attribute_name(name)) in known:
                return index
        return -1

    def email(self, header: Sequence[str], where: str) -> int:
        if told := self.all("email"):
            return told[0]
        for known in (*(self._system.email if self._system else ()), *_EMAIL):
            if known in self._names and not self._fields[self._names.index(known)]:
                return self._names.index(known)
        if any("@" in cell for cell in header):
            raise UsageError(
                "the first line names no columns: it holds an address",
                where=where,
                hint="Put a line before it that names them: email",
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
        """Whether nobody said what this column is: no option, and no system."""
        system = self._system
        is_known = system is not None and (system.is_own or name in system.attributes)
        return not (is_known or name in self._choice.fields)

    def everybody(self, file_name: str) -> Standing | None:
        """What a file says of all its people by its own name or by a column that only it has."""
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
        told = self._choice.fields.get(name)
        if told is not None:
            return "" if told == ATTRIBUTE else told.removeprefix("attribute:")
        if self._system is not None and (said := _said_by(self._system, name)) is not None:
            return said
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
    """Raises UsageError for a file whose name says that its people left, and whose columns say
    nothing: a yes for all of them is the worst that could be made of it."""
    stem = file.name.rpartition(".")[0].lower() or file.name.lower()
    standing = next((says for words, says in FILE_NAMES.items() if re.search(words, stem)), None)
    if standing is None:
        return
    match standing:
        case Standing.PENDING:
            told = "--pending"
        case Standing.UNSUBSCRIBED:
            told = "--as unsubscribed"
        case _:
            told = f"--as suppressed --reason {standing.value}"
    raise UsageError(
        f"the file is called {file.name}, and no column says otherwise of its people",
        where=str(file.path),
        hint=f"Say what they are: {told}. If they all said yes: --confirmed.",
    )


def _said_by(system: System, name: str) -> str | None:
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
    known = list(names)
    if twice := sorted({name for name in known if known.count(name) > 1}):
        raise UsageError(
            f"two columns become the attribute {twice[0]!r}",
            where=where,
            hint="Call one of them otherwise: --map COLUMN=NAME, or leave it out: --ignore COLUMN",
        )
