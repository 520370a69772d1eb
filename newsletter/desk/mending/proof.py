"""Proofs that a mended issue is the same but for what was mended."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from newsletter.desk.mending.source import Repair
from newsletter.digest import Parsed
from newsletter.languages import Signs
from newsletter.model.blocks import CodeBlock
from newsletter.model.digest import Digest
from newsletter.model.finding import Severity
from newsletter.model.inline import Code
from newsletter.model.walking import walk

Same = Callable[[Parsed, Parsed, Sequence[Repair]], bool]


def no_new_faults(before: Parsed, after: Parsed, changes: Sequence[Repair]) -> bool:
    """Whether no warning and no error is new: a known key is checked as an unknown one is not."""
    return _faults(after) <= _faults(before)


def same_digest(before: Parsed, after: Parsed, changes: Sequence[Repair]) -> bool:
    return before.digest == after.digest


def same_but_for_the_date(before: Parsed, after: Parsed, changes: Sequence[Repair]) -> bool:
    """Whether a date that could be read is the same, and no other part differs."""
    invalid, still_invalid = (
        any(finding.rule == "date-invalid" for finding in parsed.findings)
        for parsed in (before, after)
    )
    if still_invalid or not (invalid or before.digest.meta.date == after.digest.meta.date):
        return False
    return _undated(before.digest) == _undated(after.digest)


def same_but_for_addresses(before: Parsed, after: Parsed, changes: Sequence[Repair]) -> bool:
    """Whether nothing differs but the addresses that were changed, and no code at all."""
    becomes = dict(pair for change in changes for pair in change.renamed)
    return _code(before.digest) == _code(after.digest) and (
        _renamed(before.digest, becomes) == _renamed(after.digest, becomes)
    )


def same_but_for_quotes(signs: Signs) -> Same:
    """Whether nothing differs but quotes, straight ones and those of a language, and no code."""
    table = dict.fromkeys(map(ord, f"\"'’{''.join(signs.quotes)}"), '"')
    table |= dict.fromkeys(map(ord, "\\\u202f\u00a0"), "")  # escapes of a quote, spaces within them

    def same(before: Parsed, after: Parsed, changes: Sequence[Repair]) -> bool:
        one, other = (repr(parsed.digest).translate(table) for parsed in (before, after))
        return _code(before.digest) == _code(after.digest) and one == other

    return same


def _faults(parsed: Parsed) -> set[tuple[str, int]]:
    return {
        (finding.rule, finding.position.line)
        for finding in parsed.findings
        if finding.severity is not Severity.INFO
    }


def _undated(digest: Digest) -> Digest:
    meta = replace(digest.meta, date=None)
    return replace(digest, meta=meta, position=digest.position)


def _renamed(digest: Digest, becomes: Mapping[str, str]) -> str:
    text = repr(digest)
    for old in sorted(becomes, key=len, reverse=True):
        text = text.replace(old, becomes[old])
    return text


def _code(digest: Digest) -> list[str]:
    return [node.text for node in walk(digest) if isinstance(node, Code | CodeBlock)]
