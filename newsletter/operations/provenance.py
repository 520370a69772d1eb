"""What stands for a content before it is sealed: its commit, its branch, a second person's yes.

`[policy]` says which of them a send needs.
"""

from newsletter import git
from newsletter.desk.prepare import Prepared
from newsletter.errors import Refused
from newsletter.git import GitFailed
from newsletter.model.approval import Approval, Editor, Provenance
from newsletter.operations.who import operator
from newsletter.pasting import quoted, quoted_argument
from newsletter.project import Project
from newsletter.store import Store
from newsletter.store.ledger import approvals
from newsletter.times import Clock

_SHOWN_FILES = 3


def provenance_of(project: Project, store: Store, prepared: Prepared) -> Provenance:
    """What stands for an issue as it is now. Raises Refused where the policy wants more."""
    policy = project.settings.policy
    approval = _approval(project, store, prepared)
    if approval is None and policy.require_approval:
        raise _unapproved(store, prepared)
    if not policy.require_branch:
        return Provenance(git.commit_of(prepared.path), None, approval)
    commit, branch = _on_branch(prepared, policy.require_branch)
    return Provenance(commit, branch, approval)


def authors_of(project: Project, prepared: Prepared) -> tuple[Editor, ...]:
    """Who wrote an issue last: the author of the last commit that touched its file, and, where it
    was changed since, who works in this checkout. Nobody where git does not know the file."""
    last = git.last_author(prepared.path.resolve())
    if last is None:
        return ()
    is_changed = (git.commit_of(prepared.path) or "").endswith(git.MODIFIED)
    return (last, operator(project)) if is_changed else (last,)


def approvals_of(store: Store, prepared: Prepared) -> tuple[Approval, ...]:
    """All approvals of exactly this content, the oldest first."""
    with store.read() as connection:
        return tuple(approvals.of_content(connection, prepared.email.content_hash))


def approve(
    project: Project, store: Store, prepared: Prepared, editor: Editor, clock: Clock
) -> Approval:
    """Record a person's yes to a content; one that they gave before stays as it is.

    Raises Refused for who wrote it last.
    """
    stem = prepared.digest.stem
    if any(editor.is_same_as(author) for author in authors_of(project, prepared)):
        raise Refused(
            f"{editor} wrote {stem!r} last, and approving it takes a second person",
            hint=f"Let somebody else run: newsletter approve {quoted_argument(stem)}",
        )
    content_hash, slug = prepared.email.content_hash, prepared.digest.slug
    with store.write() as connection:
        for earlier in approvals.of_content(connection, content_hash):
            if earlier.editor == editor:
                return earlier
        approval = Approval(content_hash, slug, editor, clock())
        approvals.add(connection, approval)
    return approval


def _approval(project: Project, store: Store, prepared: Prepared) -> Approval | None:
    """The first approval of a content by neither its author nor who sends it."""
    given = approvals_of(store, prepared)
    involved = (operator(project), *authors_of(project, prepared)) if given else ()
    return next(
        (
            approval
            for approval in given
            if not any(approval.editor.is_same_as(editor) for editor in involved)
        ),
        None,
    )


def _unapproved(store: Store, prepared: Prepared) -> Refused:
    stem, given = prepared.digest.stem, approvals_of(store, prepared)
    how = f"was approved by {given[0].editor} alone, who wrote or sends it" if given else ""
    return Refused(
        f"{stem!r} {how or 'was not approved in this form'}, and [policy] require_approval "
        "requires a second person",
        hint=f"Nothing was sent. Let somebody else run: newsletter approve {quoted_argument(stem)}",
    )


def _on_branch(prepared: Prepared, branch: str) -> tuple[str, str]:
    """The last commit of an issue, its pictures and its theme, and the branch that it is on.

    Raises Refused where they are not committed as they are, or not on that branch.
    """
    wish = f"[policy] require_branch requires {branch}"
    folder = prepared.path.resolve().parent
    try:
        changed = git.differing(folder, prepared.sources)
        commit = git.last_commit(folder, prepared.sources)
        ref = git.ref_of(folder, branch)
        is_there = bool(commit and ref) and git.is_on(folder, commit or "", ref or "")
    except GitFailed as error:
        raise Refused(
            f"no commit of {prepared.digest.stem!r} can be found, and {wish}: {error.message}",
            hint="Nothing was sent. Send from a checkout of that branch.",
        ) from error
    if changed or commit is None:
        raise Refused(
            f"{_some(changed)} as it will be sent is in no commit, and {wish}",
            hint=f"Nothing was sent. Commit it, and bring the commit to {branch}.",
        )
    if ref is None:
        raise Refused(
            f"this checkout knows no branch {branch!r}, which [policy] require_branch requires",
            hint=f"Nothing was sent. Fetch it: git fetch origin {quoted(branch)}",
        )
    name = ref.split("/", 2)[2]
    if not is_there:
        raise Refused(
            f"commit {commit[:12]} of {prepared.digest.stem!r}, its pictures or its theme is not "
            f"on {name}, and {wish}",
            hint=f"Nothing was sent. Merge it into {branch}, fetch, and send from there.",
        )
    return commit, name


def _some(files: list[str]) -> str:
    shown = ", ".join(files[:_SHOWN_FILES])
    more = len(files) - _SHOWN_FILES
    return f"{shown} and {more} more" if more > 0 else shown
