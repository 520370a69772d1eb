"""The rules for alerts and the dashboard in docs/operations ask only for what `/metrics` has."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from lark import Lark, Token

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "operations"
RULES, DASHBOARD = FOLDER / "alerts.yml", FOLDER / "grafana.json"
# Of PromQL what these files use: https://prometheus.io/docs/prometheus/latest/querying/basics/
PROMQL = Lark(
    r"""
    start: expression
    ?expression: conjunction ("or" conjunction)*
    ?conjunction: comparison (("and" | "unless") comparison)*
    ?comparison: sum (COMPARES sum)*
    ?sum: product (("+" | "-") product)*
    ?product: factor (("*" | "/") factor)*
    ?factor: "-" factor | NUMBER | "(" expression ")" | aggregation | call | selector
    aggregation: AGGREGATES by? "(" expression ")" by?
    by: "by" "(" LABEL ("," LABEL)* ")"
    call: FUNCTION "(" expression ("," expression)* ")"
    selector: METRIC matchers? range?
    matchers: "{" matcher ("," matcher)* "}"
    matcher: LABEL MATCHES ESCAPED_STRING
    range: "[" /\d+[smhd]/ "]"
    COMPARES: "==" | "!=" | ">=" | "<=" | ">" | "<"
    MATCHES: "=~" | "!~" | "!=" | "="
    AGGREGATES.2: /(sum|min|max|count|avg)(?=\W)/
    FUNCTION.2: /(rate|increase|histogram_quantile|vector)(?=\()/
    METRIC: /newsletter_\w+|up/
    LABEL: /[a-z_]+/
    %import common.ESCAPED_STRING
    %import common.NUMBER
    %import common.WS
    %ignore WS
    """
)
Labels = dict[str, frozenset[str]]


def documented() -> Labels:
    """The metrics that docs/operating.md lists, each with its labels."""
    text = (ROOT / "docs" / "operating.md").read_text("utf-8")
    rows = re.findall(r"^\| `(newsletter_\w+)(?:\{([\w,]+)\})?` \|", text, re.MULTILINE)
    return {name: frozenset(filter(None, labels.split(","))) for name, labels in rows}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    every = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return [panel for panel in every if panel["type"] != "row"]


def expressions() -> Iterator[str]:
    for rule in rules():
        yield rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield target["expr"]


def known(metric: str, metrics: Labels) -> frozenset[str] | None:
    """The labels of a metric, or of a part of a histogram; None for one that is none of ours."""
    if metric == "up":
        return frozenset({"job", "instance"})
    if metric in metrics:
        return metrics[metric]
    histogram, _, part = metric.rpartition("_")
    if part in ("bucket", "count", "sum") and histogram.endswith("_seconds"):
        return metrics.get(histogram, frozenset()) | ({"le"} if part == "bucket" else set())
    return None


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_what_is_asked_for_exists_with_its_labels(expression: str) -> None:
    tree, metrics = PROMQL.parse(expression), documented()

    asked = [
        str(token)
        for token in tree.scan_values(lambda t: isinstance(t, Token) and t.type == "METRIC")
    ]
    assert asked or "vector" in expression
    labels: set[str] = set()
    for metric in asked:
        theirs = known(metric, metrics)
        assert theirs is not None, metric
        labels |= theirs
    for token in tree.scan_values(lambda t: isinstance(t, Token) and t.type == "LABEL"):
        assert token in labels, token


def test_each_alert_says_what_is_wrong_and_what_to_do() -> None:
    names = [rule["alert"] for rule in rules()]

    assert len(names) == len(set(names)) > 10
    for rule in rules():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["description"].endswith((".", "`.", "?"))
        shown = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
        grouped = re.search(r"\bby \(([\w, ]+)\)", rule["expr"])
        assert shown <= set(re.split(r", ", grouped[1]) if grouped else ())


def test_a_dashboard_shows_each_metric_once_and_in_its_place() -> None:
    every = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    text = "\n".join(expressions())

    assert len({panel["id"] for panel in every}) == len(every)
    for panel in panels():
        assert panel["description"].endswith(".")
        assert panel["datasource"]["uid"] == "${datasource}"
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
    for metric in documented().keys() - {"newsletter_info"}:
        assert metric in text, metric


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool of Prometheus")
def test_promtool_finds_nothing_wrong() -> None:
    done = subprocess.run(["promtool", "check", "rules", RULES], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
