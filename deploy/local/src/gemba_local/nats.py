"""The embedded NATS: bus, JetStream and the inner MQTT listener, all on loopback by password."""

import json
import re
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gemba_local.children import ChildSpec, Probe, http_probe
from gemba_local.folder import DataFolder, write_private

USER: Final = "gemba"
# Its banner, and a warning about the password that only its owner can read.
_CHATTER: Final = re.compile(rb"\[INF\]|Plaintext passwords")
_CONFIGURATION: Final = """\
# Written by the runner at every start; changes are lost.
server_name: gemba
listen: "127.0.0.1:{nats}"
http: "127.0.0.1:{nats_monitor}"
logtime: false
max_payload: 8MB
max_connections: 65536
write_deadline: "10s"
jetstream {{
  store_dir: {store}
  max_mem: 128MB
  max_file: 4GB
  sync_interval: "5s"
}}
mqtt {{
  listen: "127.0.0.1:{nats_mqtt}"
  max_ack_pending: 1024
}}
authorization {{
  users = [ {{ user: {user}, password: {password} }} ]
}}
"""


def nats_spec(
    folder: DataFolder,
    *,
    ports: Mapping[str, int],
    password: str,
    marks: Mapping[str, str],
    stop_timeout_s: float,
) -> ChildSpec:
    """How to run the server; writes its configuration (0600)."""
    folder.nats.mkdir(mode=0o700, exist_ok=True)
    configuration = folder.nats / "nats.conf"
    store = folder.nats / "jetstream"
    write_private(
        configuration,
        _CONFIGURATION.format(
            nats=ports["nats"],
            nats_monitor=ports["nats_monitor"],
            nats_mqtt=ports["nats_mqtt"],
            store=json.dumps(str(store)),
            user=json.dumps(USER),
            password=json.dumps(password),
        ),
    )
    health = http_probe(f"http://127.0.0.1:{ports['nats_monitor']}/healthz")
    program = Path(sysconfig.get_path("scripts")) / "nats-server"
    return ChildSpec(
        name="nats",
        command=(str(program), "-c", str(configuration)),
        environment={"PATH": "/usr/bin:/bin", **marks},
        stop_rank=2,
        quiet=_CHATTER,
        stop_timeout_s=stop_timeout_s,
        ready=health,
        broken=_write_error(health),
    )


def _write_error(health: Probe) -> Probe:
    """A stream that could not be written to, as with a full disk, stays closed until a restart."""

    async def probe() -> str | None:
        lack = await health()
        return lack if lack and "write error" in lack else None

    return probe
