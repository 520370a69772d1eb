"""Renews the data of others that the package holds, from their npm packages, and what a theme is
known to use of what mail programs lack, from its mails.

    npm pack caniemail && tar xzf caniemail-*.tgz
    python -m tests.vendored caniemail package

    npm install mjml
    python -m tests.vendored mjml node_modules

    python -m tests.vendored theme digest
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from newsletter.desk.clients import BASELINE, theme_features
from newsletter.render import packaged_templates
from tests.browser.samples import SAMPLES, html_of

ROOT = Path(__file__).parents[1]
CANIEMAIL = ROOT / "newsletter" / "lint" / "clients" / "caniemail.json"
MJML = ROOT / "newsletter" / "lint" / "mjml.json"

_MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software "
    'and associated documentation files (the "Software"), to deal in the Software without '
    "restriction, including without limitation the rights to use, copy, modify, merge, publish, "
    "distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the "
    "Software is furnished to do so, subject to the following conditions: The above copyright "
    "notice and this permission notice shall be included in all copies or substantial portions of "
    'the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR '
    "IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A "
    "PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE "
    "LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR "
    "OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER "
    "DEALINGS IN THE SOFTWARE."
)
_NAMES = {
    "apple-mail": "Apple Mail",
    "aol": "AOL",
    "mail-ru": "Mail.ru",
    "protonmail": "Proton Mail",
}
_GONE = {"windows-mail"}  # programs that nobody has any more
# What every component has without declaring it; `mj-all` and `mj-class` take any attribute.
_EVERYWHERE = ["css-class", "mj-class"]
_ROOT = {"mjml": ["dir", "lang", "owa"]}

_DUMP = """
const preset = require("mjml-preset-core")
const {components, dependencies} = preset.default || preset
const all = Object.values(components).map(component => component.default || component)
console.log(JSON.stringify({
    attributes: Object.fromEntries(
        all.map(it => [it.componentName, Object.keys(it.allowedAttributes || {})])),
    children: dependencies,
    hold_html: all.filter(it => it.endingTag).map(it => it.componentName).sort(),
}))
"""


def caniemail(package: Path) -> Mapping[str, Any]:
    """What each mail program supports in its newest version: y, a (in part), n or ? by program."""
    data = json.loads((package / "data" / "caniemail.json").read_text("utf-8"))
    nice = data["nicenames"]
    programs = sorted(
        {
            f"{family}/{platform}"
            for feature in data["data"]
            for family, platforms in feature["stats"].items()
            for platform in platforms
            if platform not in _GONE
        }
    )
    support = {
        feature["slug"]: [feature["title"], "".join(_newest(feature["stats"], p) for p in programs)]
        for feature in sorted(data["data"], key=lambda feature: str(feature["slug"]))
    }
    return {
        "source": "https://www.caniemail.com/, https://github.com/hteumeuleu/caniemail",
        "copyright": "Copyright (c) 2019 HTeuMeuLeu",
        "license": f"MIT License. {_MIT}",
        "date": str(data["last_update_date"])[:10],
        "programs": {program: _named(program, nice) for program in programs},
        "support": support,
    }


def _named(program: str, nice: Mapping[str, Mapping[str, str]]) -> str:
    family, platform = program.split("/")
    name = _NAMES.get(family, nice["family"].get(family, family))
    return f"{name} ({nice['platform'].get(platform, platform)})"


def _newest(stats: Mapping[str, Mapping[str, Mapping[str, str]]], program: str) -> str:
    family, platform = program.split("/")
    versions = list(stats.get(family, {}).get(platform, {"": "?"}).values())
    return versions[-1][0].replace("u", "?")


def mjml(modules: Path) -> Mapping[str, Any]:
    """The attributes of each component of MJML, its children, and which hold HTML."""
    done = subprocess.run(
        ["node", "-e", _DUMP], cwd=modules.parent, capture_output=True, check=True, text=True
    )
    package = json.loads((modules / "mjml" / "package.json").read_text("utf-8"))
    dumped = json.loads(done.stdout)
    attributes = {
        name: sorted({*own, *_EVERYWHERE}) for name, own in dumped["attributes"].items()
    } | _ROOT
    any_child = ("mj-attributes",)
    return {
        "source": "https://github.com/mjmlio/mjml",
        "copyright": "Copyright (c) 2016 Mailjet SAS, https://mjml.io",
        "license": f"MIT License. {_MIT}",
        "version": package["version"],
        "attributes": dict(sorted(attributes.items())),
        "children": {
            name: sorted(children)
            for name, children in sorted(dumped["children"].items())
            if name not in any_child
        },
        "hold_html": dumped["hold_html"],
    }


def written(data: Mapping[str, Any]) -> str:
    """JSON with an entry a line, so that a change is seen as one."""
    text = json.dumps(data, ensure_ascii=False, indent=1)
    return re.sub(r"\[\s+((?:[^\[\]{}]|\n)*?)\s+\]", _on_one_line, text) + "\n"


def _on_one_line(match: re.Match[str]) -> str:
    return "[" + " ".join(match[1].split()) + "]"


_BASELINE = """\
# What the mails of this theme use though some mail program lacks it, by the names of caniemail.com:
# they read well without it. Whatever else a change brings is reported by `newsletter lint`.
uses = [
{uses}]
"""


def baseline(theme: str) -> str:
    """clients.toml of a theme as its mails are."""
    uses = {name for sample in SAMPLES for name in theme_features(html_of(sample, theme))}
    return _BASELINE.format(uses="".join(f'  "{name}",\n' for name in sorted(uses)))


def main(kind: str, folder: str) -> None:
    if kind == "theme":
        path = packaged_templates() / folder / BASELINE
        path.write_text(baseline(folder), "utf-8")
        return
    make, path = {"caniemail": (caniemail, CANIEMAIL), "mjml": (mjml, MJML)}[kind]
    path.write_text(written(make(Path(folder))), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
