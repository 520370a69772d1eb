"""Findings on the digest and on the final email: one rule, one function.

A rule is a generator function in one of the modules below and one line in RULES; its name with
hyphens is its id, the first line of its docstring its description in docs/lint.md.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from newsletter.lint import (
    addresses,
    attachments,
    beginning,
    colours,
    content,
    copyrights,
    figures,
    foreign_fields,
    headers,
    links,
    mail,
    parity,
    plain,
    punctuation,
    repeating,
    shape,
    sizes,
    unfinished,
)
from newsletter.model.digest import Digest
from newsletter.model.email import Email
from newsletter.model.finding import Finding, Severity

DigestRule = Callable[[Digest], Iterator[Finding]]
EmailRule = Callable[[Digest, Email], Iterator[Finding]]

DIGEST_RULES: tuple[DigestRule, ...] = (
    content.empty_body,
    content.placeholder_issue,
    content.truncated_issue,
    content.short_issue,
    content.script_mismatch,
    content.draft_issue,
    shape.no_summary,
    shape.no_cover,
    shape.long_title,
    repeating.duplicate_heading,
    shape.empty_heading,
    shape.heading_skip,
    shape.repeated_url,
    shape.image_without_alt,
    shape.vague_alt,
    plain.plain_text_markup,
    shape.insecure_image,
    shape.many_images,
    shape.label_misspelt,
    links.broken_link,
    unfinished.unfinished_text,
    shape.vague_link,
    shape.literal_template,
    foreign_fields.foreign_merge_field,
    repeating.summary_repeats_title,
    punctuation.mixed_width,
    figures.number_unit,
    attachments.attachment_missing,
    addresses.tracking_parameter,
    addresses.short_link,
    addresses.url_as_text,
)
EMAIL_RULES: tuple[EmailRule, ...] = (
    sizes.html_too_large,
    colours.low_contrast,
    parity.text_html_parity,
    mail.subject_empty,
    mail.subject_too_long,
    mail.unsubscribe_missing,
    mail.merge_field_without_default,
    headers.odd_subject,
    headers.long_sender,
    headers.long_preheader,
    beginning.late_news,
    copyrights.old_copyright,
)


def check(
    digest: Digest,
    email: Email | None,
    source: Sequence[Finding] = (),
    levels: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Finding, ...]:
    """Every finding of every rule and those of the source, in the order of the file.

    `levels` are the severities that a newsletter gives to rules, or `off`. Front matter
    `lint-ignore` silences warnings and notes, and with a reason those that were raised to errors;
    what is an error by itself is never silenced nor lowered.
    """
    findings = [*source, *(finding for rule in DIGEST_RULES for finding in rule(digest))]
    if email is not None:
        findings += [finding for rule in EMAIL_RULES for finding in rule(digest, email)]
    heard = audible(findings, levels, digest.meta.ignored)
    return tuple(sorted(heard, key=lambda f: (f.position.line, f.position.column or 0)))


def audible(
    findings: Iterable[Finding], levels: Mapping[str, str], ignored: Mapping[str, str]
) -> Iterator[Finding]:
    """Findings as a newsletter and an issue want to hear of them, without those that they do not:
    see `check`."""
    return (told for finding in findings if (told := _told(finding, levels, ignored)))


def _told(
    finding: Finding, levels: Mapping[str, str], ignored: Mapping[str, str]
) -> Finding | None:
    """A finding as a newsletter and an issue want to hear of it; None where they do not."""
    if finding.severity is Severity.ERROR:
        return finding
    level = levels.get(finding.rule, finding.severity)
    reason = ignored.get(finding.rule)
    is_ignored = bool(reason) if level == "error" else reason is not None
    return None if level == "off" or is_ignored else replace(finding, severity=Severity(level))


def refusals(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings for which `send` refuses an issue, each as an error."""
    return tuple(
        replace(finding, severity=Severity.ERROR)
        for finding in findings
        if finding.severity is Severity.ERROR or finding.rule == unfinished.RULE
    )


def rule_id(rule: DigestRule | EmailRule) -> str:
    return rule.__name__.replace("_", "-")
