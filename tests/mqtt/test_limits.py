"""A door of its own with TLS and narrow limits."""

import asyncio
import hashlib
import hmac
import os
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gemba_local.mesh import LocalMesh
from gemba_local.ports import pick
from tests.callers import calling
from tests.mqtt.conftest import Client, Device, Raw, connect_packet
from tests.patience import PATIENCE_S

TELEMETRY = "v1/devices/me/telemetry"
MakeDevice = Callable[[], Awaitable[Device]]


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return chain, secret


class Narrow(NamedTuple):
    """A door with narrow limits: its ports and its certificate."""

    port: int
    chain: Path
    probe_url: str


@pytest.fixture(scope="module")
async def narrow(
    mesh: LocalMesh, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Narrow]:
    """A process of its own."""
    folder = tmp_path_factory.mktemp("door")
    chain, key = write_certificate(folder)
    port, probe_port = pick(range(24_000, 24_500)), pick(range(24_500, 25_000))
    secret = mesh.secret("mesh_secret").encode()
    password = mesh.secret("nats_password")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GEMBA_")} | {
        "GEMBA_MQTT_PORT": str(port),
        "GEMBA_MQTT_METRICS_PORT": str(probe_port),
        "GEMBA_NATS_URL": mesh.nats_url,
        "GEMBA_NATS_MQTT_URL": f"mqtt://gemba:{password}@127.0.0.1:{mesh.state['ports']['nats_mqtt']}",
        "GEMBA_GATEWAY_URL": mesh.url,
        "GEMBA_DEVICES_URL": mesh.url_of("devices"),
        "GEMBA_PRINTERS_URL": mesh.url_of("printers"),
        "GEMBA_SERVICE_SECRET": hmac.new(secret, b"mqtt", hashlib.sha256).hexdigest(),
        "GEMBA_MQTT_TLS_CERT_FILE": str(chain),
        "GEMBA_MQTT_TLS_KEY_FILE": str(key),
        "GEMBA_MQTT_MAX_PACKET_BYTES": "2000",
        "GEMBA_MQTT_MESSAGES_PER_S": "20",
        "GEMBA_MQTT_BURST": "10",
        "GEMBA_MQTT_CONNECTIONS_PER_IDENTITY": "2",
        "GEMBA_MQTT_CONNECT_TIMEOUT_S": "1",
    }
    log = folder / "door.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway.mqtt"], env=environment, stdout=output, stderr=output
        )
    try:
        async with asyncio.timeout(PATIENCE_S):
            while b"MQTT clients may come" not in log.read_bytes():
                assert process.poll() is None, log.read_text()
                await asyncio.sleep(0.05)
        yield Narrow(port, chain, f"http://127.0.0.1:{probe_port}")
    finally:
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


@asynccontextmanager
async def over_tls(narrow: Narrow, token: str) -> AsyncIterator[Client]:
    """A connected client that checks the door's certificate."""
    client = Client(narrow.port, token)
    client.paho.tls_set(ca_certs=str(narrow.chain))
    try:
        client.code = await client.connect()  # type: ignore[attr-defined] # told to the test
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def raw_tls(narrow: Narrow) -> AsyncIterator[Raw]:
    """A bare connection."""
    context = ssl.create_default_context(cafile=str(narrow.chain))
    reader, writer = await asyncio.open_connection("127.0.0.1", narrow.port, ssl=context)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()


async def test_telemetry_travels_over_tls(narrow: Narrow, device: Device) -> None:
    async with over_tls(narrow, device.token) as client:
        await client.publish(TELEMETRY, {"t": 1})
        await device.wait_count(1)


async def test_client_without_tls_gets_nothing(narrow: Narrow, device: Device) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", narrow.port)
    writer.write(connect_packet(device.token))
    assert b"\x20\x02" not in await asyncio.wait_for(reader.read(), PATIENCE_S)
    writer.close()


async def test_fast_sender_is_slowed_down_and_loses_nothing(narrow: Narrow, device: Device) -> None:
    async with over_tls(narrow, device.token) as client:
        began = time.monotonic()
        infos = [
            client.paho.publish(TELEMETRY, b'{"ts": %d, "values": {"n": 1}}' % ms, 1)
            for ms in range(int(time.time() * 1000), int(time.time() * 1000) + 40)
        ]
        await asyncio.to_thread(infos[-1].wait_for_publish, PATIENCE_S)
        assert time.monotonic() - began > 1
        await device.wait_count(40)


async def test_packet_over_the_limit_is_cut_off(narrow: Narrow, device: Device) -> None:
    async with over_tls(narrow, device.token) as client:
        client.paho.publish(TELEMETRY, b"x" * 3000, 0)
        await asyncio.wait_for(client.ended.get(), PATIENCE_S)


async def test_one_device_has_only_so_many_connections(
    narrow: Narrow, make_device: MakeDevice
) -> None:
    device, other = await make_device(), await make_device()
    async with over_tls(narrow, device.token) as one, over_tls(narrow, device.token) as two:
        third = Client(narrow.port, device.token)
        third.paho.tls_set(ca_certs=str(narrow.chain))
        assert await third.connect() == 136
        await third.close()
        async with over_tls(narrow, other.token) as free:
            await free.publish(TELEMETRY, {"t": 1})
        assert one.ended.empty()
        assert two.ended.empty()


async def test_client_that_says_nothing_is_ended(narrow: Narrow) -> None:
    async with raw_tls(narrow) as client:
        await client.send(b"\x10")
        assert await asyncio.wait_for(client.is_ended(), PATIENCE_S)


async def test_the_door_answers_probes_on_a_port_of_their_own(narrow: Narrow) -> None:
    async with calling(narrow.probe_url) as client:
        alive = (await client.get("/healthz")).json()
        assert alive["status"] == "alive"
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "ready")
        assert ready.json()["components"] == {"nats": "healthy", "listening": "healthy"}
        assert "mqtt_connections_open" in (await client.get("/metrics")).text
