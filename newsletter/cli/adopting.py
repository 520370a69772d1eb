"""`newsletter new --from`: the issues of another system."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.drafting import Function
from newsletter.cli.frame import Session
from newsletter.drafts.wishes import SystemName
from newsletter.errors import UsageError

if TYPE_CHECKING:
    from newsletter.drafts.adopting import Adopted

_OPTIONS = (
    click.option(
        "--from",
        "archive",
        metavar="FOLDER|ZIP",
        type=click.Path(path_type=Path),
        help="Adopt the issues of another system, with their pictures.",
    ),
    click.option(
        "--system",
        type=click.Choice([str(name) for name in SystemName]),
        help="With --from: whose archive it is, if that is not found out.",
    ),
    click.option("--dry-run", is_flag=True, help="With --from: write nothing but the report."),
    click.option(
        "--fetch-pictures",
        is_flag=True,
        help="With --from: fetch pictures that are on the web; a dry run does not.",
    ),
    click.option(
        "--report",
        type=click.Path(path_type=Path, dir_okay=False),
        help="With --from: write what was changed, a line each, to this CSV file.",
    ),
)


def adopting_options(function: Function) -> Function:
    """Give a command the options of an archive to adopt."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def wants_archive(wishes: Mapping[str, Any]) -> bool:
    """Whether an archive is named. Raises UsageError for an option that needs one."""
    if wishes["archive"] is not None:
        return True
    for option in ("--system", "--report", "--dry-run", "--fetch-pictures"):
        if wishes[option.strip("-").replace("-", "_")]:
            raise UsageError(f"{option} is about an archive", hint="Name it with --from.")
    return False


def refuse_beside_archive(**others: object) -> None:
    """Raises UsageError for what the posts of an archive have themselves."""
    for name, value in others.items():
        if value:
            raise UsageError(
                f"--from adopts what an archive has, and takes no {name}",
                hint="newsletter new --from FOLDER",
            )


def adopt_archive(session: Session, wishes: Mapping[str, Any]) -> None:
    from newsletter.drafts import reporting
    from newsletter.drafts.adopting import adopt

    report = wishes["report"]
    if report is not None and report.is_file():
        raise UsageError(
            "there is such a file already", where=str(report), hint="Name another one."
        )
    adopted = adopt(
        session.project,
        wishes["archive"],
        system_name=wishes["system"] or "",
        dry_run=wishes["dry_run"],
        fetch=_picture if wishes["fetch_pictures"] and not wishes["dry_run"] else None,
    )
    if report is not None:
        reporting.write(adopted, report)
    if session.json:
        session.emit(
            {
                "dry_run": wishes["dry_run"],
                "system": adopted.system,
                "adopted": len(adopted.issues),
                "drafts": sum(issue.is_draft for issue in adopted.issues),
                "pictures": sum(issue.pictures for issue in adopted.issues),
                "files": [str(issue.path) for issue in adopted.issues],
                "left": [{"place": each.place, "reason": each.detail} for each in adopted.left],
                "changes": reporting.counted(adopted),
                "findings": reporting.by_rule(adopted),
                "report": str(report) if report else None,
            }
        )
    else:
        _show(session, adopted, wishes)


def _picture(url: str) -> bytes:
    """A picture that a post names, and no editor typed."""
    from newsletter.drafts import archives, fetching

    return fetching.fetch(url, is_typed=False, most_bytes=archives.MOST_BYTES_OF_FILE).content


def _several(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _show(session: Session, adopted: "Adopted", wishes: Mapping[str, Any]) -> None:
    from newsletter.drafts import reporting
    from newsletter.drafts.posts import ChangeKind

    for issue in adopted.issues:
        session.console.print(str(issue.path))
    pictures = sum(issue.pictures for issue in adopted.issues)
    drafts = sum(issue.is_draft for issue in adopted.issues)
    done = "would be adopted" if wishes["dry_run"] else "adopted"
    session.notes.print(
        f"{_several(len(adopted.issues), 'issue')} of {adopted.system} {done}, "
        f"{drafts:,} of them drafts, with {_several(pictures, 'picture')}."
    )
    for kind, count in reporting.counted(adopted).items():
        session.notes.print(f"  {reporting.WORDS[ChangeKind(kind)]}: {count:,}")
    for change in adopted.left[:10]:
        session.notes.print(f"    {change.place}: {change.detail}")
    if rules := reporting.by_rule(adopted):
        session.notes.print(
            f"Lint: {', '.join(f'{count:,} {rule}' for rule, count in rules.items())}"
        )
    if wishes["report"]:
        session.notes.print(f"A line for each change: {wishes['report']}")
    else:
        session.notes.print("--report FILE, with --dry-run too, writes a line for each change.")
