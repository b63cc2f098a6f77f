"""Dashboards and rules ask for what a running mesh really tells."""

import json
import re
import runpy
import subprocess
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from gemba_local.mesh import LocalMesh
from gemba_local.services import MQTT, SERVICES
from tests.callers import TRUSTS_NOBODY
from tests.deploy.conftest import ROOT, program

GRAFANA = ROOT / "deploy" / "grafana"
RULES = ROOT / "deploy" / "prometheus" / "rules" / "gemba.yml"
# What PromQL says besides metrics, and what Prometheus itself adds.
WORDS = {
    "sum", "by", "rate", "increase", "max", "topk", "histogram_quantile", "and", "on", "le", "up",
    "job", "service", "instance", "code", "status", "route", "tool", "model", "reason", "outcome",
    "priority", "inspection_type", "source", "node", "state", "component", "gemba",
}  # fmt: skip


def metrics_in(query: str) -> set[str]:
    """The names of metrics that a query asks for."""
    bare = re.sub(r'\{[^}]*\}|\[[^\]]*\]|"[^"]*"|\b(?:by|on) \([^)]*\)', " ", query)
    names = set(re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*", bare))
    return {name for name in names - WORDS if not name.startswith("gemba:")}


@pytest.fixture(scope="module")
def exposed(mesh: LocalMesh) -> set[str]:
    """Every name that a scrape of every process gives."""
    names: set[str] = set()
    for service in SERVICES:
        url = mesh.door_probes_url if service is MQTT else mesh.url_of(service.name)
        text = httpx.get(f"{url}/metrics", verify=TRUSTS_NOBODY).text
        for family in text_string_to_metric_families(text):
            names.add(family.name)
            names |= {f"{family.name}_{end}" for end in ("total", "bucket", "sum", "count")}
    return names


def test_the_dashboards_are_those_of_the_page() -> None:
    page = runpy.run_path(str(GRAFANA / "build.py"))
    made = {f"{one.uid}.json": page["rendered"](one) for one in page["DASHBOARDS"]}
    kept = {path.name: path.read_text() for path in (GRAFANA / "dashboards").glob("*.json")}
    assert made == kept, "run `python deploy/grafana/build.py`"


@pytest.mark.parametrize(
    "path", sorted((GRAFANA / "dashboards").glob("*.json")), ids=lambda path: path.stem
)
def test_every_panel_asks_for_what_the_mesh_tells(path: Path, exposed: set[str]) -> None:
    for panel in json.loads(path.read_text())["panels"]:
        for target in panel["targets"]:
            missing = metrics_in(target["expr"]) - exposed
            assert not missing, f"{panel['title']}: {missing}"


def test_every_rule_asks_for_what_the_mesh_tells(exposed: set[str]) -> None:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        assert not metrics_in(rule["expr"]) - exposed, rule


def test_every_alert_has_a_case_and_a_recipe() -> None:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    cases = (ROOT / "deploy" / "prometheus" / "tests" / "gemba_test.yml").read_text()
    recipes = (ROOT / "docs" / "operations.md").read_text()
    anchors = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in recipes.splitlines()
        if line.startswith("#")
    }
    for rule in (rule for group in groups for rule in group["rules"] if "alert" in rule):
        assert f"alertname: {rule['alert']}" in cases, rule["alert"]
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert page == "docs/operations.md"
        assert anchor in anchors, rule["alert"]


def test_the_rules_pass_their_cases() -> None:
    folder = ROOT / "deploy" / "prometheus"
    for command in (
        ["check", "rules", "rules/gemba.yml"],
        ["test", "rules", "tests/gemba_test.yml"],
    ):
        done = subprocess.run(
            [program("promtool"), *command], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_its_configuration() -> None:
    folder = ROOT / "deploy" / "prometheus"
    command = [program("promtool"), "check", "config", "--syntax-only", "prometheus.yml"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
