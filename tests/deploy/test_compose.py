"""`compose.yaml` as Compose itself understands it, and the files that it mounts."""

import hashlib
import hmac
import json
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sysconfig.get_path("scripts"))


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file after its anchors and defaults, every profile on."""
    output = subprocess.run(
        [PROGRAMS / "docker-compose", "--profile", "*", "config", "--format", "json"],
        cwd=ROOT, check=True, capture_output=True,
    ).stdout  # fmt: skip
    answer: dict[str, Any] = json.loads(output)
    return answer


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "secrets"
    subprocess.run([ROOT / "deploy" / "secrets.sh", folder], check=True, capture_output=True)
    return folder


def ours(compose: dict[str, Any]) -> dict[str, Any]:
    """The services that are built from this repository."""
    return {name: one for name, one in compose["services"].items() if "build" in one}


def test_every_secret_that_is_mounted_is_made(compose: dict[str, Any], secrets: Path) -> None:
    named = {Path(one["file"]).name for one in compose["secrets"].values()}
    assert named <= {path.name for path in secrets.iterdir()}
    used = {
        one["source"]
        for service in compose["services"].values()
        for one in service.get("secrets", [])
    }
    assert used == set(compose["secrets"]), "a secret that nobody uses"


def test_secrets_are_kept_by_a_second_run_and_only_their_owner_enters(secrets: Path) -> None:
    before = {path.name: path.read_text() for path in secrets.iterdir()}
    subprocess.run([ROOT / "deploy" / "secrets.sh", secrets], check=True, capture_output=True)
    assert {path.name: path.read_text() for path in secrets.iterdir()} == before
    assert secrets.stat().st_mode & 0o777 == 0o700


def test_a_services_proof_is_derived_as_the_gateway_derives_it(secrets: Path) -> None:
    mesh_secret = (secrets / "gemba_mesh_secret").read_text().strip()
    for name in ("orchestrator", "tracking", "printers", "devices", "cluster", "mqtt"):
        proof = hmac.new(mesh_secret.encode(), name.encode(), hashlib.sha256).hexdigest()
        assert (secrets / f"{name}_service_secret").read_text().strip() == proof
    key = load_pem_private_key((secrets / "signing_key.pem").read_bytes(), password=None)
    assert isinstance(key, EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"
    machine_key = (secrets / "gemba_machine_key").read_text().strip()
    assert len(machine_key) == len("sk_live_") + 43


def test_a_new_mesh_secret_leaves_what_passwords_are_sealed_with(tmp_path: Path) -> None:
    make = [ROOT / "deploy" / "secrets.sh", tmp_path / "secrets"]
    subprocess.run(make, check=True, capture_output=True)
    before = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert before["printer_credentials_secret"] == before["printers_service_secret"]
    renewed = {name for name in before if name.endswith(("mesh_secret", "service_secret"))}
    for name in renewed:
        (tmp_path / "secrets" / name).unlink()
    subprocess.run(make, check=True, capture_output=True)
    after = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert {name for name in before if after[name] != before[name]} == renewed


@pytest.mark.parametrize("cluster", ["nats", "overlays/production"])
def test_nats_takes_its_configuration(secrets: Path, tmp_path: Path, cluster: str) -> None:
    kubernetes = ROOT / "deploy" / "k8s"
    shutil.copy(kubernetes / "nats" / "nats.conf", tmp_path)
    shutil.copy(kubernetes / cluster / "cluster.conf", tmp_path)
    shutil.copy(secrets / "nats_users.conf", tmp_path / "users.conf")
    subprocess.run(
        [PROGRAMS / "nats-server", "-t", "-c", tmp_path / "nats.conf"],
        check=True, capture_output=True, env={"NATS_SERVER_NAME": "gemba", "NATS_REPLICAS": "1"},
    )  # fmt: skip


def test_every_file_that_is_mounted_is_in_the_repository(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            if volume["type"] == "bind":
                assert Path(volume["source"]).exists(), volume["source"]


def test_our_services_run_as_little_as_they_can(compose: dict[str, Any]) -> None:
    for name, service in ours(compose).items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
    for name, service in compose["services"].items():
        assert service["restart"] in ("unless-stopped", "on-failure"), name


def test_only_the_edges_are_reached_from_outside(compose: dict[str, Any]) -> None:
    open_ports = {name for name, one in compose["services"].items() if one.get("ports")}
    assert open_ports == {"gateway", "mqtt", "grafana"}
    grafana = compose["services"]["grafana"]["ports"][0]
    assert grafana["host_ip"] == "127.0.0.1"
    assert compose["networks"]["store"]["internal"] is True


def test_no_secret_is_in_a_variable(compose: dict[str, Any]) -> None:
    words = ("PASSWORD", "SECRET", "KEY", "TOKEN")
    for service in compose["services"].values():
        for name, value in (service.get("environment") or {}).items():
            if any(word in name for word in words):
                assert str(value).startswith("/run/secrets/"), name


def test_every_migration_is_of_a_service_that_waits_for_it(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in ("gateway", "orchestrator", "tracking", "printers", "devices", "cluster"):
        migration = services[f"{name}-migration"]
        assert migration["command"] == ["python", "-m", "common.migrate", name]
        assert migration["image"] == services[name]["image"]
        condition = services[name]["depends_on"][f"{name}-migration"]["condition"]
        assert condition == "service_completed_successfully"
