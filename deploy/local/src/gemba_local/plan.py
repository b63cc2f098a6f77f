"""Everything decided before the first process starts: ports, secrets, places, specifications."""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gemba_local.backup import restoration_spec
from gemba_local.children import ChildSpec
from gemba_local.folder import DataFolder, hold
from gemba_local.journal import Journal
from gemba_local.nats import USER, nats_spec
from gemba_local.ports import is_free, settle, taken
from gemba_local.postgres import EmbeddedPostgres
from gemba_local.problems import ConfigurationError
from gemba_local.processes import MARK, Belongings
from gemba_local.secrets import Secrets, load_secrets
from gemba_local.services import EDGES, SERVICES, Backends, Roster
from gemba_local.settings import RunnerSettings, variable
from gemba_local.shelter import find_place

DATABASE: Final = "gemba"


@dataclass(frozen=True)
class Plan:
    """What is to run, in which order, and how it is recognised."""

    folder: DataFolder
    secrets: Secrets
    ports: Mapping[str, int]
    urls: Mapping[str, str]
    belongings: Belongings
    postgres: EmbeddedPostgres | None
    backends: list[ChildSpec] = field(default_factory=list)
    restoration: ChildSpec | None = None
    migration: ChildSpec | None = None
    services: list[ChildSpec] = field(default_factory=list)
    demo: ChildSpec | None = None


def make_plan(
    settings: RunnerSettings, folder: DataFolder, *, journal: Journal, dump: Path | None = None
) -> Plan:
    """Decide everything; nothing is started yet. A `dump` is brought back before all else.

    Raises ConfigurationError when a port is taken or a folder cannot be used.
    """
    _demand_free_ports(settings)
    password = settings.admin_password.get_secret_value() if settings.admin_password else None
    kept = load_secrets(folder, admin_password=password)
    ports = _embedded_ports(settings, folder)
    run_id = secrets.token_hex(8)
    marks = {MARK: run_id}
    specs: list[ChildSpec] = []
    postgres, cluster = None, None
    if settings.database_url is None:
        place = find_place(folder, journal.note)
        if folder.cluster.is_symlink():
            hold(DataFolder(place.cluster.parent), patience_s=0)
        cluster = place.cluster
        postgres = EmbeddedPostgres(
            place, port=ports["postgres"], password=kept.postgres_password, marks=marks
        )
        specs.append(postgres.spec(stop_timeout_s=settings.stop_timeout_s))
    if settings.nats_url is None:
        specs.append(
            nats_spec(
                folder, ports=ports, password=kept.nats_password, marks=marks,
                stop_timeout_s=settings.stop_timeout_s,
            )
        )  # fmt: skip
    backends = _backends(settings, kept, ports)
    roster = Roster(
        settings=settings, folder=folder, secrets=kept, outer=dict(os.environ), marks=marks,
        backends=backends,
    )  # fmt: skip
    return Plan(
        folder=folder,
        secrets=kept,
        ports=ports | {service.name: roster.port(service) for service in SERVICES},
        urls={service.name: roster.url(service) for service in SERVICES},
        belongings=Belongings(run_id, cluster),
        postgres=postgres,
        backends=specs,
        restoration=restoration_spec(dump, database_url=backends.database_url) if dump else None,
        migration=roster.migration_spec(),
        services=roster.service_specs(),
        demo=roster.demo_spec() if settings.demo else None,
    )


def database_of(settings: RunnerSettings, folder: DataFolder) -> str:
    """The database of the mesh that runs on this folder.

    Raises ConfigurationError when there is none.
    """
    try:
        ports = json.loads(folder.ports.read_bytes())
    except FileNotFoundError as error:
        raise ConfigurationError(f"{folder.root} holds no mesh.") from error
    kept = load_secrets(folder)
    return _backends(
        settings, kept, {"nats": 0, "nats_mqtt": 0, "nats_monitor": 0, **ports}
    ).database_url


def _demand_free_ports(settings: RunnerSettings) -> None:
    for service in SERVICES:
        name = f"{service.package}_port"
        port = getattr(settings, name)
        host = settings.host if service in EDGES else "127.0.0.1"
        if not is_free(port, host):
            raise taken(port, user=service.name, setting=variable(name))


def _embedded_ports(settings: RunnerSettings, folder: DataFolder) -> dict[str, int]:
    wanted: dict[str, int] = {}
    if settings.database_url is None:
        wanted["postgres"] = settings.postgres_port
    if settings.nats_url is None:
        wanted["nats"] = settings.nats_port
        wanted["nats_mqtt"] = settings.nats_mqtt_port
        wanted["nats_monitor"] = settings.nats_monitor_port
    avoid = [getattr(settings, f"{service.package}_port") for service in SERVICES]
    return settle(folder, wanted, candidates=settings.embedded_range, avoid=avoid)


def _backends(settings: RunnerSettings, kept: Secrets, ports: Mapping[str, int]) -> Backends:
    if settings.database_url is None:
        address = f"127.0.0.1:{ports['postgres']}/{DATABASE}"
        database = f"postgresql+asyncpg://{DATABASE}:{kept.database_password}@{address}"
    else:
        database = settings.database_url.get_secret_value()
    if settings.nats_url is not None:
        mqtt = settings.nats_mqtt_url.get_secret_value() if settings.nats_mqtt_url else ""
        return Backends(database, settings.nats_url.get_secret_value(), nats_mqtt_url=mqtt)
    who = f"{USER}:{kept.nats_password}@127.0.0.1"
    return Backends(
        database,
        nats_url=f"nats://{who}:{ports['nats']}",
        nats_mqtt_url=f"mqtt://{who}:{ports['nats_mqtt']}",
    )
