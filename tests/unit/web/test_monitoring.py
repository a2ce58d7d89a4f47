"""What Prometheus and Grafana are given asks only for what the dashboard tells."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from bot.web import metrics

FOLDER = Path(__file__).parents[3] / "config" / "monitoring"
NAME = re.compile(r"\bballast_[a-z_]+")
#: What Prometheus puts behind the name of a counter or a histogram.
SUFFIXES = ("_total", "_bucket", "_sum", "_count")


def told() -> set[str]:
    """Every name in the module that tells them: literal, or behind the prefix that gauges get."""
    text = Path(metrics.__file__).read_text(encoding="utf-8")
    gauges = re.findall(r'_gauge\(\s*"([a-z_]+)"', text)
    return {*re.findall(r'"(ballast_[a-z_]+)"', text), *(f"ballast_{name}" for name in gauges)}


def asked() -> dict[str, set[str]]:
    rules = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))
    board = json.loads((FOLDER / "grafana" / "ballast.json").read_text(encoding="utf-8"))
    found = {rule["alert"]: rule["expr"] for group in rules["groups"] for rule in group["rules"]}
    found |= {panel["title"]: " ".join(each["expr"] for each in panel["targets"]) for panel in board["panels"]}
    return {name: set(NAME.findall(text)) for name, text in found.items()}


@pytest.mark.parametrize("name", sorted(asked()))
def test_an_alert_or_a_panel_asks_for_what_there_is(name: str) -> None:
    known = told()
    for metric in asked()[name]:
        plain = next((metric.removesuffix(end) for end in SUFFIXES if metric.endswith(end)), metric)
        assert {metric, plain} & known, metric


def test_every_alert_has_a_severity_and_says_what_to_do() -> None:
    rules = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    assert len(rules) >= 8
    for rule in rules:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert len(rule["annotations"]["summary"]) > 10


def test_prometheus_loads_the_alerts_and_asks_the_dashboard_with_its_token() -> None:
    wanted = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    assert wanted["rule_files"] == ["/etc/prometheus/alerts.yml"]
    (job,) = wanted["scrape_configs"]
    assert job["authorization"]["credentials_file"].endswith("web.token")
