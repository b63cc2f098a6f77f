"""Dump, wipe, restore: the same answers."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from gemba_local.mesh import LocalMesh
from tests.callers import calling
from tests.conftest import log_in

BOTTLES = Path(__file__).parents[2] / "demo" / "pictures" / "bottles.jpg"
ASKED = [
    "/api/v1/users", "/api/v1/auth/api-keys", "/api/v1/workers", "/api/v1/inspections/",
    "/api/devices/", "/api/devices/1/measurements/", "/api/devices/1/latest/", "/api/printers",
]  # fmt: skip


async def entered(mesh: LocalMesh) -> httpx.AsyncClient:
    client = calling(mesh.url)
    answer = await log_in(client, "admin", mesh.admin_password)
    client.headers["Authorization"] = f"Bearer {answer['access_token']}"
    return client


async def fill(client: httpx.AsyncClient) -> str:
    """Something of every domain; says which picture was uploaded."""
    user = {"username": "som", "password": "a long password", "name": "สมชาย", "role": "viewer"}
    assert (await client.post("/api/v1/users", json=user)).status_code == 201
    key = {"name": "Dashboard", "permissions": ["metrics:read"]}
    assert (await client.post("/api/v1/auth/api-keys", json=key)).status_code == 201
    worker = {
        "worker_id": "W001",
        "name": "สมหญิง",
        "badge_id": "B1",
        "shift": "morning",
        "skill_level": "expert",
    }
    assert (await client.post("/api/v1/workers", json=worker)).status_code == 201
    assert (await client.post("/api/devices/", json={"name": "Oven"})).status_code == 201
    readings = [{"metric": "t", "value": f"{n}.0000000001"} for n in range(50)]
    stored = await client.post("/api/devices/1/measurements/", json=readings)
    assert stored.json() == {"accepted": 50}, stored.text
    printer = {"printer_id": "P1", "name": "Prusa", "location": "Hall 1"}
    assert (await client.post("/api/printers", json=printer)).status_code == 201
    uploaded = await client.post("/api/v1/images/", files={"file": ("b.jpg", BOTTLES.read_bytes())})
    image_id: str = uploaded.json()["image_id"]
    config = {
        "tools": [
            {"name": "image_source", "parameters": {"source_type": "upload", "image_id": image_id}},
            {"name": "blob_detection", "parameters": {}},
        ],
        "connections": [{"from": "image_source", "to": "blob_detection"}],
    }
    inspection = {
        "name": "Caps",
        "inspection_type": "blob_detection",
        "pipeline_config": config,
        "auto_distribute": False,
    }
    made = await client.post("/api/v1/inspections/", json=inspection)
    assert made.status_code == 201, made.text
    return image_id


async def told(client: httpx.AsyncClient) -> dict[str, Any]:
    """What the mesh answers, but for where it runs and who was seen when."""
    answers = {}
    for path in ASKED:
        answer = await client.get(path)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        text = answer.text.replace(str(client.base_url).rstrip("/"), "")
        answers[path] = re.sub(r'"last_used_at":[^,}]*', "", text)
    return answers


async def test_what_was_saved_comes_back_whole(tmp_path: Path) -> None:
    mesh = LocalMesh(tmp_path / "first")
    backup = tmp_path / "backup"
    with mesh:
        client = await entered(mesh)
        image_id = await fill(client)
        before = await told(client)
        old_token = client.headers["Authorization"]
        await client.aclose()
        subprocess.run(
            [sys.executable, "-m", "gemba_local", "--backup", backup],
            env={**os.environ, "GEMBA_DATA_DIR": str(mesh.data_dir)}, check=True,
        )  # fmt: skip
        assert backup.stat().st_mode & 0o077 == 0

    restored = LocalMesh(tmp_path / "second", arguments=["--restore", str(backup)])
    with restored:
        async with calling(restored.url) as client:
            client.headers["Authorization"] = old_token  # signed by the key that came back
            assert await told(client) == before
            inspection = (await client.get("/api/v1/inspections/")).json()["results"][0]
            sent = await client.post(f"/api/v1/inspections/{inspection['id']}/send/", json={})
            assert sent.status_code < 500
            files = restored.data_dir / "services" / "orchestrator" / "artifacts"
            assert [path for path in files.rglob("*") if image_id in path.name]


def test_a_folder_that_is_no_backup_is_refused(tmp_path: Path) -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "gemba_local", "--restore", tmp_path],
        env={**os.environ, "GEMBA_DATA_DIR": str(tmp_path / "data")},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert refused.returncode != 0
    assert "is no backup" in refused.stderr


def test_a_mesh_is_never_overwritten_by_a_backup(tmp_path: Path) -> None:
    backup, data = tmp_path / "backup", tmp_path / "data"
    for folder in (backup, data):
        (folder / "secrets").mkdir(parents=True)
        (folder / "secrets" / "mesh_secret").write_text(folder.name)
    (backup / "database.dump").write_bytes(b"PGDMP")
    refused = subprocess.run(
        [sys.executable, "-m", "gemba_local", "--restore", backup],
        env={**os.environ, "GEMBA_DATA_DIR": str(data)},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert refused.returncode != 0
    assert "holds a mesh already" in refused.stderr
    assert (data / "secrets" / "mesh_secret").read_text() == "data"
