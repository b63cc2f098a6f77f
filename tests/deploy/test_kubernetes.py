"""`deploy/k8s` as kustomize builds it: valid by Kubernetes' own schemas, and safe by default."""

import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.conftest import ROOT, program

OVERLAYS = ["small", "production"]
WORKLOADS = ("Deployment", "StatefulSet", "Job")
Objects = list[dict[str, Any]]


@pytest.fixture(scope="module", params=OVERLAYS)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with everything that an overlay makes."""
    path: Path = tmp_path_factory.mktemp("k8s") / f"{request.param}.yaml"
    folder = ROOT / "deploy" / "k8s" / "overlays" / request.param
    output = subprocess.run(
        [program("kustomize"), "build", folder], check=True, capture_output=True
    )
    assert not output.stderr, output.stderr.decode()
    path.write_bytes(output.stdout)
    return path


@pytest.fixture(scope="module")
def objects(built: Path) -> Objects:
    return list(yaml.safe_load_all(built.read_text()))


def of(objects: Objects, *kinds: str) -> Objects:
    return [one for one in objects if one["kind"] in kinds]


def pods(objects: Objects) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in of(objects, *WORKLOADS):
        yield one["metadata"]["name"], one["spec"]["template"]["spec"]


def test_everything_is_valid_by_the_strict_schemas(built: Path) -> None:
    validate = Path(sysconfig.get_path("scripts")) / "kubernetes-validate"
    done = subprocess.run(
        [validate, "--strict", "--quiet", built], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    unknown = [line for line in done.stdout.splitlines() if "Couldn't find schema" in line]
    # What operators define has no schema here.
    assert all("ServiceMonitor" in line or "kind Cluster" in line for line in unknown), unknown


def test_every_pod_is_harmless(objects: Objects) -> None:
    for name, pod in pods(objects):
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        for container in pod["containers"]:
            own = container["securityContext"]
            assert own["readOnlyRootFilesystem"] is True, name
            assert own["allowPrivilegeEscalation"] is False, name
            assert own["capabilities"] == {"drop": ["ALL"]}, name
            assert {"requests", "limits"} <= container["resources"].keys(), name


def test_every_service_is_probed_and_drained(objects: Objects) -> None:
    for one in of(objects, "Deployment", "StatefulSet"):
        labels = one["spec"]["template"]["metadata"]["labels"]
        if labels.get("gemba/kind") != "service":
            continue
        pod = one["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert container["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "5"]
        config = next(iter(of(objects, "ConfigMap")), {})
        for found in of(objects, "ConfigMap"):
            if found["metadata"]["name"] == "gemba":
                config = found
        drain_s = float(config["data"]["GEMBA_DRAIN_TIMEOUT_S"])
        assert pod["terminationGracePeriodSeconds"] >= 5 + drain_s + 5


def test_volumes_secrets_and_accounts_that_are_named_exist(objects: Objects) -> None:
    accounts = {one["metadata"]["name"] for one in of(objects, "ServiceAccount")}
    claims = {one["metadata"]["name"] for one in of(objects, "PersistentVolumeClaim")}
    for one in of(objects, *WORKLOADS):
        pod = one["spec"]["template"]["spec"]
        name = one["metadata"]["name"]
        assert pod.get("serviceAccountName", "default") in {*accounts, "default"}, name
        own = {claim["metadata"]["name"] for claim in one["spec"].get("volumeClaimTemplates", [])}
        volumes = {volume["name"] for volume in pod.get("volumes", [])} | own
        for container in pod["containers"]:
            mounted = {mount["name"] for mount in container.get("volumeMounts", [])}
            assert mounted <= volumes, name
        for volume in pod.get("volumes", []):
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims
        made = _secrets_made()
        for volume in pod.get("volumes", []):
            if "secret" in volume:
                assert volume["secret"]["secretName"] in made, name


def _secrets_made() -> set[str]:
    script = (ROOT / "deploy" / "k8s" / "secrets.sh").read_text()
    return {line.split()[1] for line in script.splitlines() if line.startswith("secret gemba-")}


def test_whatever_is_not_allowed_is_denied(objects: Objects) -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in of(objects, "NetworkPolicy")}
    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    everywhere = {
        name
        for name, spec in policies.items()
        for rule in spec.get("ingress", [])
        if "from" not in rule
    }
    assert everywhere == {"edges"}
    (expression,) = policies["edges"]["podSelector"]["matchExpressions"]
    assert expression["values"] == ["gateway", "mqtt"]
    stores = policies["stores"]["ingress"][0]["from"][0]["podSelector"]["matchExpressions"][0]
    assert "vision-node" not in stores["values"]


def test_every_image_is_pinned(objects: Objects) -> None:
    for name, pod in pods(objects):
        for container in pod["containers"]:
            assert ":" in container["image"], name
            assert not container["image"].endswith(":latest"), name


def test_no_account_has_rights(objects: Objects) -> None:
    assert not of(objects, "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
    for account in of(objects, "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False
