"""The commands that are played, each on a stage and with servers of its own."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from string import Template

from tests.hostile.stage import (
    FINISHED,
    IN_DOUBT,
    LIST,
    PAUSED,
    PLANNED,
    UNSENT,
    Stage,
)


@dataclass(frozen=True, slots=True)
class Command:
    """A call of newsletter, as it is typed; what begins with $ is filled in.

    `makes`: the files that it writes, as patterns of paths from the stage's folder. `again`: what
    the same call may exit with once it has been done. `stays`: it runs until it is told to stop.
    `servers`: which it uses, of `backing.KINDS`. `first`: calls that come before it, where all is
    kind. `matters`: it is played everywhere. `clears`: it takes mails or rows of the ledger away.
    `is_data`: what it prints is for other programs.
    """

    name: str
    typed: str
    makes: Sequence[str] = ()
    again: frozenset[int] = frozenset({0})
    stdin: bytes = b""
    stays: bool = False
    servers: frozenset[str] = frozenset()
    first: Sequence[str] = ()
    matters: bool = False
    writes: bool = False
    clears: bool = False
    is_data: bool = False

    @property
    def by_ses(self) -> bool:
        """Its mails go to the stand-in for SES."""
        return "ses" in self.servers

    @property
    def is_a_send(self) -> bool:
        """It sends the issue that nobody had yet."""
        return self.typed.startswith("send $issue --list $list --yes --json") or (
            self.typed == "worker --once"
        )

    @property
    def on_postgresql(self) -> bool:
        return "postgresql" in self.servers

    def arguments(self, stage: Stage, port: int) -> list[str]:
        return words(self.typed, stage, port)


def words(typed: str, stage: Stage, port: int = 0) -> list[str]:
    values = {
        "issue": UNSENT,
        "sent": FINISHED,
        "list": LIST,
        "finished": stage.sends[FINISHED],
        "paused": stage.sends[PAUSED],
        "doubtful": stage.sends[IN_DOUBT],
        "planned": stage.sends[PLANNED],
        "port": str(port),
        "spare": stage.spare,
    }
    if "$import" in typed or "$unanswered" in typed:  # what a call before this one has made
        values |= {"import": stage.newest_import(), "unanswered": stage.newest_send()}
    quoted = {name: shlex.quote(value) for name, value in values.items()}
    return shlex.split(Template(typed).substitute(quoted))


def _reads(typed: str, **more: object) -> Command:
    return Command(_name(typed), typed, **more)  # type: ignore[arg-type]


def _writes(typed: str, **more: object) -> Command:
    return Command(_name(typed), typed, writes=True, **more)  # type: ignore[arg-type]


def _name(typed: str) -> str:
    """What a call is called: its words, without what is filled in and without values."""
    words = [word for word in shlex.split(typed) if word[0] not in "$."]
    return " ".join(word for word in words if not {"=", "@", " "} & set(word))


_REFUSED = frozenset({0, 5})
_GONE = frozenset({0, 2})
_ACCOUNT = frozenset({"ses", "aws", "dns"})
_BEGUN = ("send $issue --list $list --yes --detach",)
_SET_UP = ("setup ses --domain example.com --yes",)
_OUTBOX = ("letter/outbox/*/*.eml", "letter/subscribers/generation")
_ON_SQLITE = (
    _reads("--version"),
    _reads("--help"),
    _reads("completion bash"),
    _reads("lint $issue --json"),
    _reads("themes --json"),
    _reads("themes list"),
    _reads("themes check"),
    _reads("status --json", matters=True),
    _reads("sends"),
    _reads("deliveries $finished --json"),
    _reads("explain ada@example.com"),
    _reads("audit --json"),
    _reads("report $finished"),
    _reads("review"),
    _reads("archive list"),
    _reads("subscribers list --json"),
    _reads("subscribers show ada@example.com --json"),
    _reads("subscribers export", matters=True, is_data=True),
    _reads("subscribers stats"),
    _reads("subscribers imports"),
    _reads("lists"),
    _reads("lists list"),
    _reads("lists show $list"),
    _reads("segments --json"),
    _reads("segments list"),
    _reads("segments show ada"),
    _reads("segments check --list $list 'name = \"Bo\"'"),
    _reads("suppressions list --json"),
    _reads("events set-aside --json"),
    _reads("events unknown-words --json"),
    _reads("doctor --only project --only store --only machine --only rules"),
    _reads("webhooks list", servers=frozenset({"hooks"})),
    _reads("send $issue --list $list --dry-run"),
    _reads("db verify"),
    _reads("db verify --backup ../beside/letter.backup"),
    _writes("init ../beside/fresh", makes=("beside/fresh/**",), again=_REFUSED),
    _writes("new 'Fresh news' --date 2026-02-01", makes=("letter/issues/*",), again=_REFUSED),
    _writes(
        "new 'From a feed' --date 2026-02-02 --from-feed ../beside/feed.xml",
        makes=("letter/issues/*",),
        again=_REFUSED,
    ),
    _writes(
        "new --from ../beside/blog --report ../beside/adopted.csv",
        makes=("letter/issues/**", "beside/adopted.csv"),
    ),
    _writes("render $issue --out ../beside/out", makes=("beside/out/**",), matters=True),
    _writes("lint $issue --fix"),
    _writes("themes new mine", makes=("letter/templates/mine/**",), again=_REFUSED),
    _writes("themes render --out ../beside/looks", makes=("beside/looks/**",)),
    _writes("review $issue --out ../beside/review.html", makes=("beside/review.html",)),
    _writes("test $issue --to me@example.org", makes=("letter/outbox/test/*.eml",)),
    _writes("approve $issue --as 'Ed <ed@example.org>' --yes"),
    _writes(
        "subscribers import ../beside/joining.csv --list $list --rejects ../beside/rejects.csv",
        makes=("beside/rejects.csv",),
        matters=True,
    ),
    _writes("subscribers import - --list $list", stdin=b"email,name\nx@example.com,X\n"),
    _writes("subscribers import ../beside/leaving.csv --as unsubscribed --list $list"),
    _writes("subscribers import ../beside/joining.csv --list $list --dry-run"),
    _writes(
        "subscribers import undo $import",
        first=("subscribers import ../beside/joining.csv --list $list",),
        again=frozenset({0, 5}),
    ),
    _writes("subscribers add new@example.com --list $list --name New"),
    _writes("subscribers remove bo@example.com"),
    _writes("subscribers forget cem@example.com --yes", clears=True),
    _writes("subscribers delete dora@example.com", again=_GONE, clears=True),
    _writes("subscribers move eli@example.com --list $list --to others"),
    _writes(
        "subscribers export --out ../beside/people.csv",
        makes=("beside/people.csv",),
        matters=True,
    ),
    _writes("lists create third"),
    _writes("lists edit others --title Rest"),
    _writes("lists delete others", again=_GONE),
    _writes("segments create bo 'name = \"Bo\"'", again=_REFUSED),
    _writes("segments update ada 'name = \"Bo\"'"),
    _writes("segments delete ada", again=_GONE),
    _writes("suppressions add hana@example.com"),
    _writes("suppressions remove gone@example.com", again=_GONE),
    _writes("suppressions import ../beside/leaving.csv"),
    _reads("suppressions export", is_data=True),
    _writes("suppressions export --out ../beside/never.csv", makes=("beside/never.csv",)),
    _writes("send $issue --list $list --yes --json", makes=_OUTBOX, again=_REFUSED, matters=True),
    Command(
        "send by SES",
        "send $issue --list $list --yes --json",
        makes=("letter/subscribers/generation",),
        again=_REFUSED,
        servers=frozenset({"ses"}),
        matters=True,
        writes=True,
    ),
    _writes("send $issue --list $list --yes --at '2099-03-03 08:00' --detach", again=_REFUSED),
    _writes("resume $paused --json", makes=_OUTBOX),
    _writes("resume --all", makes=_OUTBOX),
    _writes("pause $planned", again=frozenset({0, 5})),
    _writes("cancel $paused", again=frozenset({0, 5})),
    _writes("reschedule $planned '2099-02-02 08:00'"),
    _writes("resolve $doubtful --unknown accept"),
    _writes("worker --once", makes=_OUTBOX, first=_BEGUN, matters=True),
    Command("worker", "worker", makes=_OUTBOX, stays=True, writes=True),
    _writes("events replay ../beside/events.jsonl"),
    _writes("events arm", servers=frozenset({"hooks"}), again=frozenset({0, 1, 2})),
    _writes("webhooks test crm", servers=frozenset({"hooks"})),
    _writes("webhooks retry", servers=frozenset({"hooks"})),
    _writes("archive build ../beside/site", makes=("beside/site/**",)),
    _writes("archive hide $sent --reason 'as asked'"),
    _writes(
        "archive show $sent",
        first=("archive hide $sent --reason 'as asked'",),
        again=frozenset({0, 2, 5}),
    ),
    _writes("archive correct $sent --note 'It is Thursday.' --yes"),
    _writes("sends archive --older-than 0d", makes=("letter/subscribers/archive/*",), clears=True),
    _writes("report $finished --out ../beside/report.html", makes=("beside/report.html",)),
    _writes("db upgrade"),
    _writes(
        "db backup ../beside/new.backup",
        makes=("beside/new.backup",),
        again=_REFUSED,
        matters=True,
    ),
    _writes("db adopt --yes"),
    _writes("db copy --cancel", again=frozenset({0, 2, 5})),
    _writes(
        "db copy --to sqlite:///../beside/moved.db --yes",
        makes=("beside/moved.db*",),
        again=frozenset({0, 2, 5}),
    ),
    _writes(
        "db restore ../beside/letter.backup --to sqlite:///../beside/restored.db --yes",
        makes=("beside/restored.db*", "letter/subscribers/generation"),
        again=frozenset({0, 2, 5}),
    ),
    Command("serve", "serve --port $port", stays=True, matters=True),
    Command("studio", "studio --port $port --no-open", stays=True),
    Command("preview", "preview $issue --port $port --no-open", stays=True),
)

_BY_AWS = (
    Command(
        "test by SES", "test $issue --to me@example.com", servers=frozenset({"ses"}), writes=True
    ),
    Command(
        "worker --once by SES",
        "worker --once",
        makes=("letter/subscribers/generation",),
        servers=frozenset({"ses", "queue"}),
        first=_BEGUN,
        writes=True,
    ),
    _writes("events pull --once --json", servers=frozenset({"ses", "queue"})),
    Command(
        "events pull", "events pull", servers=frozenset({"ses", "queue"}), stays=True, writes=True
    ),
    _writes("suppressions sync", servers=frozenset({"ses"})),
    _writes(
        "resolve $unanswered --ask-ses --yes",
        servers=frozenset({"ses"}),
        first=("send $issue --list $list --yes",),
        again=frozenset({0, 5}),
    ),
    _reads("setup ses --domain example.com --dry-run", servers=_ACCOUNT),
    _writes(
        "setup ses --domain example.com --yes", servers=_ACCOUNT, makes=("letter/newsletter.toml",)
    ),
    _writes(
        "setup ses --domain example.com --yes --check-dns --wait 0",
        servers=_ACCOUNT,
        makes=("letter/newsletter.toml",),
        again=frozenset({4}),
    ),
    _writes(
        "setup ses --domain example.com --policies ../beside/policies --dry-run",
        servers=_ACCOUNT,
        makes=("beside/policies/**",),
    ),
    _reads("doctor --only transport --only events --only domain", servers=_ACCOUNT, first=_SET_UP),
    _writes("doctor --only transport --live --wait 1", servers=_ACCOUNT, first=_SET_UP),
)

# What opens no store, or another than that of the settings.
_WITHOUT_STORE = frozenset(
    {
        "--version",
        "--help",
        "completion",
        "lint",
        "themes",
        "init",
        "new",
        "render",
        "review",
        "preview",
    }
)


def _on_postgresql(command: Command) -> Command:
    typed = command.typed.replace("sqlite:///../beside/restored.db", "$spare")
    return replace(
        command,
        name=f"{command.name} on PostgreSQL",
        typed=typed,
        servers=command.servers | {"postgresql"},
    )


COMMANDS = (
    *_ON_SQLITE,
    *_BY_AWS,
    Command(
        "db copy --to PostgreSQL",
        "db copy --to $spare --yes",
        servers=frozenset({"spare"}),
        again=frozenset({0, 2, 5}),
        writes=True,
    ),
    *(
        _on_postgresql(command)
        for command in _ON_SQLITE
        if command.typed.split()[0] not in _WITHOUT_STORE
    ),
)
