"""Words that promise a file: an issue is mailed without any."""

import re
from collections.abc import Iterator

from newsletter.lint.visible import holds_any, quoted, runs
from newsletter.model.digest import Digest
from newsletter.model.finding import Finding, Severity

_PROMISES = (
    r"\b(?:please\s+)?find\s+(?:\w+\s+){0,3}attached\b(?!\s+to\b)"
    r"|\b(?:I|we)(?:['’]ve|\s+have)?\s+(?:also\s+)?attached\s+(?!to\b|great\b|much\b|importance\b|value\b)"
    r"|\battached\s+(?:to\s+this\s+(?:e-?mail|message|mail|newsletter|issue)\b"
    r"|(?:is|are)\s+(?:a|an|the|our|my|this)\b|you(?:['’]ll|\s+will)\s+find\b|please\s+find\b)"
    r"|\b(?:agenda|cop(?:y|ies)|documents?|files?|forms?|invoices?|minutes|notes|pdfs?|plans?|reports?"
    r"|sheets?|slides|spreadsheets?)\s+(?:is|are)\s+attached\b(?!\s+to\b)"
    r"|\b(?:see|open|read|in|find)\s+(?:the|our|my)\s+attach(?:ment\b|ed\s+(?:file|document|pdf|report|sheet)\b)"
    r"|\bim\s+anhang\b(?!\s+(?:des|der|eines|einer|zu[rm]?|von|[A-Z]\b|\d))|\banbei\b(?!\s+(?:\w+\s+){0,3}links?\b)|\bbeigefügt(?:e[nrs]?)?\s+(?:findest|finden|datei|pdf|dokument)"
    r"|\ben\s+pi[eè]ces?\s+jointes?\b|\bci-joint(?:e?s?)?\b"
    r"|\b(?:adjunto|adjuntamos|adjunto\s+encontrar\w+)\s+(?:el|la|los|las|un|una|encontrar\w*)\b"
    r"|\ben\s+el\s+(?:archivo\s+)?adjunto\b"
    r"|\bin\s+allegato\b|\b(?:ti|vi|le)\s+alleg(?:o|hiamo)\b"
    r"|\bem\s+anexo\b|\bsegue\s+(?:em\s+)?anexo\b"
    r"|\b(?:in\s+de|als)\s+bijlage\b(?!\s+(?:van|bij))|\bbijgevoegd\b"
    r"|\bw\s+załączniku\b(?!\s+(?:do|nr))|\bво\s+вложении\b(?!\s+к\b)|\bу\s+вкладенні\b(?!\s+до\b)"
    r"|\bekte(?:ki)?\s+(?:dosya|belge|bulabilir|sunul)\w*"
    r"|(?:详见|詳見|请见|請見|参见|參見|查收|打开|打開|见|見)附件(?!\d|[一二三四五六七八九十])|随信附上|隨信附上"
    r"|添付(?:の(?:ファイル|資料|PDF)|ファイル)?を(?:ご覧|ご確認|ご参照|お読み)|添付(?:いたし|し)(?:ます|ました)"
    r"|첨부\s*(?:파일|문서)?을?를?\s*(?:참고|확인|열어)|첨부(?:합니다|했습니다|드립니다)"
    r"|בקובץ המצורף|מצורף (?:קובץ|בזה)|(?:في|انظر) (?:الملف )?المرفق"
)
_PROMISE = re.compile(_PROMISES, re.IGNORECASE)
_SIGNS = (
    *("ttach", "nhang", "nbei", "eigefügt", "jointe", "-joint", "adjunt", "Adjunt", "llegat"),
    *("llego", "llegh", "nexo", "ijlage", "ijgevoegd", "ałączniku", "вложении", "вкладенні"),
    *("Ekte", "ekte ", "附", "添付", "첨부", "מצורף", "المرفق"),
)


def attachment_missing(digest: Digest) -> Iterator[Finding]:
    """A mail that speaks of its attachment has none: issues are mailed without files."""
    for run in runs(digest) if holds_any(digest, _SIGNS) else ():
        is_likely = any(sign in run.text for sign in _SIGNS)
        for match in _PROMISE.finditer(run.text) if is_likely else ():
            if not run.has_link(*match.span()):
                yield Finding(
                    "attachment-missing",
                    Severity.WARNING,
                    run.place(match.start()),
                    f"{quoted(' '.join(match[0].split()))!r}: no file is mailed with an issue",
                    "Put the file on your web site, and link to it.",
                )
