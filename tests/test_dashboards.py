"""The dashboard and the alert rules: they can be read by their tools, and every metric and label they name exists."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bridge.settings import Settings
from bridge.sources import names
from bridge.store.database import Database
from bridge.tally import METRICS
from bridge.web import create_app

FOLDER = Path(__file__).parents[1] / "docs/observing"
DASHBOARD = json.loads((FOLDER / "grafana.json").read_text("utf-8"))
RULES = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))
# What Grafana puts in place of its own variables.
_VARIABLES = {"$__rate_interval": "5m"}
# What Prometheus adds to all that it scrapes, and what its functions read.
_ADDED = {"instance", "job", "pod", "le", "__name__"}


def _expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            text = target["expr"]
            for name, value in _VARIABLES.items():
                text = text.replace(name, value)
            yield text
    for group in RULES["groups"]:
        yield from (rule["expr"] for rule in group["rules"])


EXPRESSIONS = list(_expressions())


def _selectors(node: Any) -> Iterator[Any]:
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    elif isinstance(node, promql_parser.MatrixSelector):
        yield node.vector_selector
    for name in ("expr", "lhs", "rhs", "param"):
        if (child := getattr(node, name, None)) is not None:
            yield from _selectors(child)
    for child in getattr(node, "args", None) or ():
        yield from _selectors(child)


@pytest.fixture
def families(database: Database) -> set[str]:
    """Every name that a series of /metrics may have."""
    client = create_app(Settings.from_env(names()), database).test_client()
    found = set()
    for family in text_string_to_metric_families(client.get("/metrics").text):
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        found |= {family.name + suffix for suffix in suffixes}
    return found


def test_every_expression_names_only_metrics_that_exist(families: set[str]) -> None:
    named = set()
    for expression in EXPRESSIONS:
        selectors = list(_selectors(promql_parser.parse(expression)))
        assert selectors, expression
        named |= {one.name for one in selectors}
    assert named <= families
    # And the other way round: what is counted is shown somewhere.
    counted = {metric.name for metric in METRICS}
    assert counted <= {re.sub("_bucket$", "", name) for name in named}


def test_every_label_that_an_expression_goes_by_exists() -> None:
    known = {label for metric in METRICS for label in metric.labels} | {"kind", "subject", "account"} | _ADDED
    used = set()
    for expression in EXPRESSIONS:
        for inner in re.findall(r"(?:by|without) \(([^)]*)\)", expression):
            used |= {label.strip() for label in inner.split(",")}
        used |= set(re.findall(r"[{,]\s*(\w+)(?:=~|!=|=)", expression))
    assert used
    assert used <= known


def test_a_name_that_does_not_exist_would_be_found() -> None:
    (selector,) = _selectors(promql_parser.parse("sum(rate(bridge_nothing_total[5m]))"))
    assert selector.name == "bridge_nothing_total"


def test_the_dashboard_is_one_that_grafana_imports() -> None:
    assert {"uid", "title", "schemaVersion", "panels", "templating", "time"} <= DASHBOARD.keys()
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids)) >= 12
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        assert panel["type"] in {"stat", "table", "timeseries"}
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    (variable,) = DASHBOARD["templating"]["list"]
    assert (variable["name"], variable["type"]) == ("datasource", "datasource")


def test_the_alert_rules_are_such_as_prometheus_loads() -> None:
    assert RULES.keys() == {"groups"}
    rules = [rule for group in RULES["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) >= 8
    for rule in rules:
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m"))
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"].endswith(".")
