"""What checks an issue from outside of this program, where it is installed.

base            what all of them have
spam            SpamAssassin
accessibility   axe in Chromium
spelling        hunspell
dead_links      the links and pictures of an issue, asked for
addresses       where a request may go, and where it goes
hosts           several hosts asked at once, no longer than there is time
answers         what links answered before, on disk
"""

from collections.abc import Iterable, Iterator, Sequence

from newsletter import lint
from newsletter.desk.prepare import Prepared
from newsletter.desk.tools.accessibility import accessibility
from newsletter.desk.tools.base import Tool
from newsletter.desk.tools.dead_links import dead_links
from newsletter.desk.tools.spam import spam
from newsletter.desk.tools.spelling import spelling
from newsletter.model.finding import Finding
from newsletter.project import Project


def tools_for(*, links: bool, tools: bool) -> tuple[Tool, ...]:
    """The tools that a caller asks for."""
    return (dead_links,) * links + (spam, accessibility, spelling) * tools


def checked_with(
    tools: Iterable[Tool], issues: Sequence[Prepared], project: Project
) -> Iterator[Finding]:
    """The findings of some tools on issues, as the newsletter and each issue want to hear them."""
    digests = {issue.digest.position.file: issue.digest for issue in issues}
    for tool in tools if issues else ():
        for finding in tool(issues, project):
            digest = digests.get(finding.position.file)
            ignored = digest.meta.ignored if digest else {}
            yield from lint.audible([finding], project.settings.lint.rules, ignored)
