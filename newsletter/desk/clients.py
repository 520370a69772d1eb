"""What a mail uses that mail programs of its readers lack, beyond what its theme does without."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from newsletter import config
from newsletter.errors import ConfigurationError, RenderError
from newsletter.lint.clients.features import features, link_feature, picture_feature
from newsletter.lint.clients.programs import Programs, programs
from newsletter.lint.reading import as_read
from newsletter.lint.visible import quoted
from newsletter.meant import did_you_mean
from newsletter.model.digest import Digest
from newsletter.model.email import Email
from newsletter.model.finding import Finding, Position, Severity
from newsletter.model.inline import Image, Link, Node
from newsletter.model.nodes import nodes_of
from newsletter.project import Project
from newsletter.render import Theme, packaged_templates

BASELINE = "clients.toml"
_RULE = "unsupported-by-clients"
_FALLBACK = "digest"  # whose baseline is that of a theme without its own
_SHOWN = 3
_FIX_PICTURE, _FIX_LINK = "Save it as JPEG or PNG.", "Say in words where it leads."


def unsupported_features(
    digest: Digest, email: Email, theme: Theme, project: Project
) -> Iterator[Finding]:
    """What the issue brings is told at its line, what the theme brings at that of its file.

    Raises ConfigurationError for a client that nobody knows, RenderError for a baseline that cannot
    be read.
    """
    known = programs()
    wanted = known.of(_wanted(project, known))
    uses = features(as_read(email).html, known.support)
    expected = baseline_of(theme)
    lacking = {
        feature: programs_without
        for feature in uses
        if feature not in expected and (programs_without := known.lacking(feature, wanted))
    }
    of_issue = {feature for feature in lacking if _is_of_issue(feature)}
    for node in nodes_of(digest) if of_issue else ():
        feature, url = _feature_of(node), getattr(node, "url", "")
        if feature in of_issue:
            yield Finding(
                _RULE,
                Severity.WARNING,
                node.position,
                f"{quoted(url)!r}: {_not_in(known, feature, lacking[feature])}",
                _FIX_PICTURE if isinstance(node, Image) else _FIX_LINK,
            )
    for feature in lacking.keys() - of_issue:
        yield Finding(
            _RULE,
            Severity.WARNING,
            _place_in(theme, uses[feature]) or digest.position,
            f"{quoted(uses[feature])!r}: {_not_in(known, feature, lacking[feature])}",
            f'Do without it, or add "{feature}" to templates/{theme.name}/{BASELINE} '
            "if mails read well without it.",
        )


def _is_of_issue(feature: str) -> bool:
    """Whether authors bring it: HTML of theirs becomes that of the theme but for its addresses."""
    return feature.startswith("image-") or feature in ("html-anchor-links", "html-mailto-links")


def _feature_of(node: Node) -> str:
    match node:
        case Image():
            return picture_feature(node.url) or ""
        case Link():
            return link_feature(node.url) or ""
        case _:
            return ""


def theme_features(html: str) -> dict[str, str]:
    """What the mails of a theme use though some mail program lacks it: what its baseline lists."""
    known = programs()
    uses = features(html, known.support)
    return {
        name: piece
        for name, piece in uses.items()
        if not name.startswith("image-") and known.lacking(name, tuple(known.names))
    }


def baseline_of(theme: Theme) -> frozenset[str]:
    """The features that a theme is known to use. Raises RenderError."""
    folders = (*theme.folders, packaged_templates() / _FALLBACK)
    path = next(path for folder in folders if (path := folder / BASELINE).is_file())
    return _baseline(path, path.read_bytes())


@lru_cache(maxsize=8)
def _baseline(path: Path, content: bytes) -> frozenset[str]:
    hint = 'It holds uses = ["css-opacity"] and the like.'
    try:
        uses = tomllib.loads(content.decode("utf-8")).get("uses", [])
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RenderError(f"is not TOML: {error}", where=str(path), hint=hint) from error
    known = programs().support
    for name in uses if isinstance(uses, list) else [uses]:
        if name not in known:
            raise RenderError(
                f"caniemail.com knows no feature {name!r}",
                where=str(path),
                hint=did_you_mean(str(name), list(known)) or hint,
            )
    return frozenset(uses)


def _wanted(project: Project, known: Programs) -> tuple[str, ...]:
    clients = project.settings.lint.clients
    names = known.known_names()
    for name in clients:
        if name not in names:
            path = project.root / config.FILE_NAME
            raise ConfigurationError(
                f"lint.clients: there is no mail program {name!r}",
                where=config.variable_of(["lint", "clients"]) or project.name_of(path),
                hint=did_you_mean(name, names),
            )
    return clients


def _not_in(known: Programs, feature: str, lacking: Sequence[str]) -> str:
    names = [known.names[name] for name in lacking]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    verb = "does" if len(names) == 1 else "do"
    return f"{', '.join(names[:_SHOWN])}{more} {verb} not support {known.title(feature)}"


def _place_in(theme: Theme, piece: str) -> Position | None:
    """The line of the theme where a feature is written."""
    word = re.match(r"@?[\w-]+", piece.removeprefix("<"))
    if word is None:
        return None
    pattern = re.compile(rf"(?<![\w-]){re.escape(word[0])}(?![\w-])")
    for folder in theme.folders:
        for path in sorted(folder.iterdir()):
            if path.suffix not in (".css", ".j2") or path.name == "email.txt.j2":
                continue
            for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
                if pattern.search(line):
                    return Position(f"templates/{theme.name}/{path.name}", number)
    return None
