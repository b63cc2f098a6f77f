"""The services of the mesh as data, and the environment that each of them gets.

A secret goes only to whom it belongs (contract, chapter 3): the signing key and the mesh secret to
the gateway, the machine key to the gateway and the node, the database and the bus to whoever has
business there, which the vision node has not.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gemba_local.children import ChildSpec, Probe, http_probe, port_probe
from gemba_local.folder import DataFolder
from gemba_local.secrets import Secrets
from gemba_local.settings import RunnerSettings


@dataclass(frozen=True)
class Service:
    """One service: its name in the log, what `python -m` runs, and whether it is stopped first."""

    name: str
    is_first_to_stop: bool = False
    part_of: str = ""

    @property
    def package(self) -> str:
        """The stem of its settings, and its package where it is part of none."""
        return self.name.replace("-", "_")

    @property
    def module(self) -> str:
        """What `python -m` runs."""
        return f"{self.part_of}.{self.package}" if self.part_of else self.package


GATEWAY: Final = Service("gateway", is_first_to_stop=True)
TRACKING: Final = Service("tracking")
PRINTERS: Final = Service("printers")
VISION_NODE: Final = Service("vision-node", is_first_to_stop=True)
# The MQTT door: clients come to it, so it is an edge like the gateway, in a process of its own.
MQTT: Final = Service("mqtt", is_first_to_stop=True, part_of="gateway")
EDGES: Final = (GATEWAY, MQTT)
WITH_SCHEMA: Final = (
    GATEWAY,
    Service("orchestrator"),
    TRACKING,
    PRINTERS,
    Service("devices"),
    Service("cluster"),
)
SERVICES: Final = (*WITH_SCHEMA, VISION_NODE, MQTT)

# Where the repository's own folders lie, when the runner runs out of a checkout.
CHECKOUT: Final = Path(__file__).parents[4]

_PRIVATE: Final = frozenset({
    "GEMBA_ADMIN_PASSWORD", "GEMBA_BOOTSTRAP_MACHINE_KEY", "GEMBA_CAMERA_CREDENTIALS_SECRET",
    "GEMBA_DATABASE_URL", "GEMBA_DATA_DIR", "GEMBA_HOST", "GEMBA_MACHINE_KEY",
    "GEMBA_MESH_SECRET", "GEMBA_NATS_MQTT_URL", "GEMBA_NATS_URL",
    "GEMBA_PRINTER_CREDENTIALS_SECRET", "GEMBA_REDIS_URL", "GEMBA_SERVICE_SECRET",
    "GEMBA_SIGNING_KEY_FILE",
})  # fmt: skip


@dataclass(frozen=True)
class Backends:
    """Where PostgreSQL and NATS answer; the addresses hold passwords."""

    database_url: str
    nats_url: str
    nats_mqtt_url: str = ""


@dataclass(frozen=True)
class Roster:
    """Makes the specifications of the services from what they share."""

    settings: RunnerSettings
    folder: DataFolder
    secrets: Secrets
    backends: Backends
    outer: Mapping[str, str]
    marks: Mapping[str, str]

    def port(self, service: Service) -> int:
        """The port that this service listens on."""
        port: int = getattr(self.settings, f"{service.package}_port")
        return port

    def url(self, service: Service) -> str:
        """Where this service answers on this machine."""
        host = self.settings.host if service in EDGES else "127.0.0.1"
        if host in {"0.0.0.0", "::", ""}:
            host = "127.0.0.1"
        scheme = "mqtt" if service is MQTT else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port(service)}"

    def service_specs(self) -> list[ChildSpec]:
        """How to run each service."""
        return [
            ChildSpec(
                name=service.name,
                command=(sys.executable, "-m", service.module),
                environment=self.environment(service),
                folder=self.folder.of_child(service.name),
                stop_rank=0 if service.is_first_to_stop else 1,
                stop_timeout_s=self.settings.stop_timeout_s,
                ready=self._probe(service),
            )
            for service in SERVICES
        ]

    def _probe(self, service: Service) -> Probe:
        if service is MQTT:
            return port_probe(self.url(service), self.port(service))
        return http_probe(f"{self.url(service)}/readyz")

    def migration_spec(self) -> ChildSpec:
        """How to bring every schema up to date."""
        packages = (service.package for service in WITH_SCHEMA)
        return ChildSpec(
            name="migrate",
            command=(sys.executable, "-m", "common.migrate", *packages),
            environment={**self._shared(), "GEMBA_DATABASE_URL": self.backends.database_url},
        )

    def demo_spec(self) -> ChildSpec | None:
        """How to run the demo floor, a client of the public API; None where it is not here."""
        if not (CHECKOUT / "demo" / "floor" / "__main__.py").exists():
            return None
        environment = self._shared()
        environment["GEMBA_DATA_DIR"] = str(self.folder.root)
        environment["GEMBA_ADMIN_PASSWORD"] = self.secrets.admin_password
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, (str(CHECKOUT), self.outer.get("PYTHONPATH")))
        )
        return ChildSpec(
            name="demo",
            command=(sys.executable, "-m", "demo.floor"),
            environment=environment,
            folder=self.folder.of_child("demo"),
            stop_rank=-1,
            stop_timeout_s=self.settings.stop_timeout_s,
        )

    def environment(self, service: Service) -> dict[str, str]:
        """The whole environment of this service."""
        environment = self._shared()
        environment["GEMBA_DATA_DIR"] = str(self.folder.of_child(service.name))
        environment["GEMBA_HOST"] = self.settings.host if service in EDGES else "127.0.0.1"
        if service is VISION_NODE:
            if self.settings.demo:
                environment.setdefault("GEMBA_IMAGE_FOLDERS", str(CHECKOUT / "demo" / "videos"))
            return {**environment, "GEMBA_MACHINE_KEY": self.secrets.machine_key}
        if service is not MQTT:
            environment["GEMBA_DATABASE_URL"] = self.backends.database_url
        environment["GEMBA_NATS_URL"] = self.backends.nats_url
        if redis_url := self.outer.get("GEMBA_REDIS_URL"):
            environment["GEMBA_REDIS_URL"] = redis_url
        if service is GATEWAY:
            return environment | self._gateway_only()
        environment["GEMBA_SERVICE_SECRET"] = self.secrets.service_secret(service.name)
        return environment | self._of_one(service)

    def _of_one(self, service: Service) -> dict[str, str]:
        """What no other service gets."""
        if service is MQTT:
            return {"GEMBA_NATS_MQTT_URL": self.backends.nats_mqtt_url}
        if service is PRINTERS:
            return self._chosen(
                "GEMBA_PRINTER_CREDENTIALS_SECRET", self.secrets.printer_credentials_secret
            )
        if service is TRACKING:
            return self._chosen(
                "GEMBA_CAMERA_CREDENTIALS_SECRET", self.secrets.camera_credentials_secret
            )
        return {}

    def _chosen(self, name: str, kept: str) -> dict[str, str]:
        """A secret as it was given from outside, or else the one that is kept."""
        return {name: self.outer.get(name) or kept}

    def _gateway_only(self) -> dict[str, str]:
        return {
            "GEMBA_SIGNING_KEY_FILE": str(self.secrets.signing_key_file),
            "GEMBA_MESH_SECRET": self.secrets.mesh_secret,
            "GEMBA_ADMIN_PASSWORD": self.secrets.admin_password,
            "GEMBA_BOOTSTRAP_MACHINE_KEY": self.secrets.machine_key,
        }

    def _shared(self) -> dict[str, str]:
        environment = {name: text for name, text in self.outer.items() if name not in _PRIVATE}
        for service in SERVICES:
            stem = f"GEMBA_{service.package.upper()}"
            environment[f"{stem}_PORT"] = str(self.port(service))
            environment.setdefault(f"{stem}_URL", self.url(service))
        environment["GEMBA_LOG_LEVEL"] = self.settings.log_level
        environment["PYTHONUNBUFFERED"] = "1"
        return environment | dict(self.marks)
