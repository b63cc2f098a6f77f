"""The runner, Compose, Kubernetes and `routes.toml` tell of one mesh: names, ports, settings."""

import json
import re
import subprocess
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.mqtt.settings import DoorSettings
from gateway.settings import Settings as GatewaySettings
from gemba_local.services import MQTT, SERVICES, WITH_SCHEMA
from gemba_local.settings import RunnerSettings
from tests.deploy.conftest import ROOT, program

NAMES = {service.name for service in SERVICES}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    program = Path(sysconfig.get_path("scripts")) / "docker-compose"
    output = subprocess.run(
        [program, "config", "--format", "json"], cwd=ROOT, check=True, capture_output=True
    ).stdout
    services: dict[str, Any] = json.loads(output)["services"]
    return services


@pytest.fixture(scope="module")
def kubernetes() -> list[dict[str, Any]]:
    folder = ROOT / "deploy" / "k8s" / "overlays" / "small"
    output = subprocess.run(
        [program("kustomize"), "build", folder], check=True, capture_output=True
    ).stdout
    return list(yaml.safe_load_all(output))


def port_of(name: str) -> int:
    """The port by default, as the runner has it."""
    field = f"{name.replace('-', '_')}_port"
    return int(RunnerSettings.model_fields[field].default)


def test_routes_lead_to_services_that_there_are() -> None:
    table = tomllib.loads(
        (ROOT / "services" / "gateway" / "src" / "gateway" / "routes.toml").read_text()
    )
    targets = {route["to"] for route in table["route"]}
    assert targets == {service.name for service in WITH_SCHEMA}
    settings = GatewaySettings()
    for name in targets - {"gateway"}:
        assert settings.upstreams[name].endswith(f":{port_of(name)}")


def test_compose_has_every_service_at_its_port(compose: dict[str, Any]) -> None:
    ours = {name for name, one in compose.items() if "build" in one}
    assert ours == NAMES
    for name in NAMES - {MQTT.name}:
        arguments = compose[name]["build"]["args"]
        assert arguments == {"SERVICE": name, "PORT": str(port_of(name))}
    for name in NAMES - {"gateway", "vision-node", "mqtt"}:
        url = compose["gateway"]["environment"][f"GEMBA_{name.upper()}_URL"]
        assert url == f"http://{name}:{port_of(name)}"
    published = {
        name: one["ports"][0]["published"] for name, one in compose.items() if "ports" in one
    }
    assert published["gateway"] == str(port_of("gateway"))
    assert published["mqtt"] == str(port_of("mqtt"))


def test_kubernetes_has_every_service_at_its_port(kubernetes: list[dict[str, Any]]) -> None:
    containers = {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]["containers"][0]
        for one in kubernetes
        if one["kind"] in ("Deployment", "StatefulSet")
    }
    assert containers.keys() >= NAMES
    services = {
        one["metadata"]["name"]: {port["name"]: port for port in one["spec"]["ports"]}
        for one in kubernetes
        if one["kind"] == "Service"
    }
    for name in NAMES:
        port = "mqtt" if name == MQTT.name else "http"
        assert services[name][port]["port"] == port_of(name)
        opened = {one["name"]: one["containerPort"] for one in containers[name]["ports"]}
        assert opened[port] == port_of(name)
    config = next(
        one["data"]
        for one in kubernetes
        if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "gemba"
    )
    for name in NAMES - {"vision-node", "mqtt"}:
        assert config[f"GEMBA_{name.upper()}_URL"] == f"http://{name}:{port_of(name)}"


def test_every_schema_is_migrated_everywhere(
    compose: dict[str, Any], kubernetes: list[dict[str, Any]]
) -> None:
    packages = {service.package for service in WITH_SCHEMA}
    commands = [
        one["command"] for one in compose.values() if "common.migrate" in (one["command"] or [])
    ]
    assert {command[-1] for command in commands} == packages
    (job,) = [one for one in kubernetes if one["kind"] == "Job"]
    containers = job["spec"]["template"]["spec"]["containers"]
    assert {container["command"][-1] for container in containers} == packages


def test_every_variable_is_a_setting(
    compose: dict[str, Any], kubernetes: list[dict[str, Any]]
) -> None:
    known = set(re.findall(r"`(GEMBA_[A-Z_]+)`", (ROOT / "docs" / "settings.md").read_text()))
    known |= {"GEMBA_PROBE_URL", "GEMBA_SECRETS_DIR"}
    used = {name for one in compose.values() for name in (one.get("environment") or {})}
    for one in kubernetes:
        if one["kind"] == "ConfigMap":
            used |= set(one["data"])
        for container in (
            one.get("spec", {}).get("template", {}).get("spec", {}).get("containers", [])
        ):
            used |= {variable["name"] for variable in container.get("env", [])}
    ours = {name for name in used if name.startswith("GEMBA_")}
    assert ours <= known, ours - known


def test_prometheus_scrapes_every_service() -> None:
    jobs = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    text = json.dumps(jobs)
    for name in NAMES - {MQTT.name, "vision-node"}:
        assert f"{name}:{port_of(name)}" in text
    assert '"vision-node"' in text
    assert f"mqtt:{_door_port(jobs)}" in text


def _door_port(jobs: dict[str, Any]) -> int:
    assert "mqtt_metrics_port" in DoorSettings.model_fields
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return int(compose["services"]["mqtt"]["environment"]["GEMBA_MQTT_METRICS_PORT"])
