"""How long an issue takes to become an email, and how large that is."""

import json
import shutil
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from newsletter import digest, render
from newsletter.desk.prepare import masthead, prepare
from newsletter.desk.slugs import Slugs
from newsletter.links import Links
from newsletter.model.email import fill
from newsletter.project import Project
from tests.bench.bench import Bench
from tests.bench.figures import Figure
from tests.bench.processes import NEWSLETTER, ROOT, apart, command

KEY = "the key of the benches alone"
_YARDSTICK = ROOT.parent / "shared" / "digests" / "2026-01-07-ai-daily.md"
_SAMPLE = ROOT / "issues" / "2026-11-20-quiet-machines.md"


def issue() -> Path:
    """The real digest that the figures are meant for, or the sample issue where it is not here."""
    return _YARDSTICK if _YARDSTICK.exists() else _SAMPLE


@cache
def email_json() -> str:
    """A real email, as a send keeps it: its size is what composing costs."""
    return prepare(Project.open(ROOT), str(issue())).email.to_json()


def links() -> Links:
    return Links("https://news.example.com", (KEY,))


def rendering(bench: Bench) -> Iterator[Figure]:
    name = issue().stem
    warm, _ = apart(warm_milliseconds, str(issue()), 5 * bench.short_repeats)
    reading, writing = zip(*warm, strict=True)
    yield Figure(f"{name}: Digest to final HTML, warm", writing, "ms", at_most=12)
    yield Figure("  file to Digest, before that", reading, "ms")
    long, _ = apart(warm_milliseconds, str(_long_issue(bench)), bench.short_repeats)
    seconds = tuple(sum(sample) / 1000 for sample in long)
    name = f"a source of {bench.long_kb} KB: file to final HTML, warm"
    yield Figure(name, seconds, "s", at_most=1)
    longest = _longest()
    linting, _ = apart(lint_milliseconds, str(longest), bench.short_repeats)
    name = f"{longest.stem}: lint of the longest digest, warm"
    yield Figure(name, tuple(linting), "ms", at_most=100)
    cold = [
        command(NEWSLETTER, "render", str(issue()), "--out", str(bench.folder / "out"), "--json")
        for _ in range(bench.short_repeats)
    ]
    yield Figure("newsletter render, cold", tuple(run.seconds for run in cold), "s", at_most=1)
    peaks = tuple(run.peak_mb for run in cold)
    yield Figure("  peak memory", peaks, "MB", at_most=80)
    html_bytes = json.loads(cold[0].output)["html_bytes"]
    yield Figure("  size of the HTML", (html_bytes / 1024,), "KB", at_most=60)
    ratios, _ = apart(prepare_ratios, str(bench.folder), bench.issues, 3 * bench.short_repeats)
    name = f"prepare, {bench.issues:,} issues in the folder, against one"
    yield Figure(name, tuple(ratios), "x", at_most=4)


def _long_issue(bench: Bench) -> Path:
    """The issue again and again below its own front matter."""
    text = issue().read_text("utf-8")
    _, front, body = text.split("---\n", 2)
    path = bench.folder / "long.md"
    times = bench.long_kb * 1024 // len(body.encode()) + 1
    path.write_text(f"---\n{front}---\n{body * times}", "utf-8")
    return path


def prepare_ratios(folder: str, issues: int, repeats: int) -> list[float]:
    """What it costs that many other issues, each with a slug of its own, may have the same one."""
    alone, among = (_project(Path(folder) / name) for name in ("alone", "among"))
    text = issue().read_text("utf-8")
    for number in range(issues - 1):
        slugged = text.replace("---\n", f"---\nslug: issue-{number}\n", 1)
        (among.issues / f"old-{number}.md").write_text(slugged, "utf-8")
    seconds = [(_prepare_seconds(alone), _prepare_seconds(among)) for _ in range(repeats + 1)]
    return [many / one for one, many in seconds[1:]]


def _project(folder: Path) -> Project:
    """A project with one issue."""
    (folder / "issues").mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "newsletter.toml", folder)
    shutil.copy(issue(), folder / "issues" / "newest.md")
    return Project.open(folder)


def _prepare_seconds(project: Project) -> float:
    """Of the processor: what else this machine does is no matter."""
    began = time.process_time()
    prepare(project, "newest")
    return time.process_time() - began


def lint_milliseconds(source: str, repeats: int) -> list[float]:
    """What `newsletter lint` does with an issue, again and again in one process; the first time
    does not count. Of the processor: what else this machine does is no matter."""
    project = Project.open(ROOT)
    slugs, samples = Slugs(project), []
    for _ in range(repeats + 1):
        began = time.process_time()
        prepare(project, source, slugs=slugs)
        samples.append((time.process_time() - began) * 1000)
    return samples[1:]


def _longest() -> Path:
    """The longest of the real digests, or the sample issue where there are none."""
    digests = (path for path in _YARDSTICK.parent.glob("*.md") if path.name != "README.md")
    return max(digests, key=lambda path: path.stat().st_size, default=_SAMPLE)


def warm_milliseconds(source: str, repeats: int) -> list[tuple[float, float]]:
    """From the file to a Digest, and from that to the HTML of one reader, again and again in one
    process; the first time, which loads modules, does not count."""
    project, path = Project.open(ROOT), Path(source)
    settings = project.settings
    samples = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        parsed = digest.parse(
            digest.read(path, file=path.name),
            file=path.name,
            stem=path.stem,
            base_url=settings.newsletter.base_url,
            section_labels=settings.digest.section_labels,
        )
        read = time.perf_counter()
        theme = render.load_theme(settings.newsletter.theme, [project.templates])
        fill(render.render(parsed.digest, theme, masthead(project)).html, {})
        samples.append(((read - started) * 1000, (time.perf_counter() - read) * 1000))
    return samples[1:]
