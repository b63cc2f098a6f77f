"""What a user of the vision service does, for the tests of the whole mesh."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest

from tests.patience import PATIENCE_S

FINAL: Final = ("completed", "failed", "cancelled")


@dataclass(frozen=True)
class Inspector:
    """Uploads pictures, starts inspections and waits for them, as a client of the public API."""

    client: httpx.AsyncClient

    async def upload(self, content: bytes, name: str = "picture.png") -> str:
        """The id of an uploaded picture."""
        answer = await self.client.post("/api/v1/images/", files={"file": (name, content)})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["image_id"])

    async def start(self, pipeline: dict[str, Any], **more: Any) -> dict[str, Any]:
        """The record of a new inspection."""
        body = {
            "name": "a test's",
            "inspection_type": pipeline["tools"][-1]["name"],
            "pipeline_config": pipeline,
        }
        answer = await self.client.post("/api/v1/inspections/", json=body | more)
        assert answer.status_code == 201, answer.text
        record: dict[str, Any] = answer.json()
        return record

    async def until(self, inspection_id: str, states: Iterable[str] = FINAL) -> dict[str, Any]:
        """The record once it is in one of these states; a mesh in trouble is asked again."""
        last: Any = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    try:
                        answer = await self.client.get(f"/api/v1/inspections/{inspection_id}/")
                    except httpx.TransportError as error:
                        last = error
                    else:
                        last = answer.json()
                        if answer.status_code == 200 and last["status"] in states:
                            return dict(last)
                    await asyncio.sleep(0.1)
        except TimeoutError:
            pytest.fail(f"{inspection_id} did not become one of {states}: {last}")


@pytest.fixture
def inspector(admin: httpx.AsyncClient) -> Inspector:
    """An admin who inspects."""
    return Inspector(admin)


def chain(image_id: str, *tools: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """A pipeline that joins an uploaded picture to each of these tools."""
    source = {
        "name": "image_source",
        "parameters": {"source_type": "upload", "image_id": image_id},
    }
    return {
        "tools": [source]
        + [
            {"name": name, "id": f"{name}_{place}", "parameters": parameters}
            for place, (name, parameters) in enumerate(tools)
        ],
        "connections": [
            {"from": "image_source", "to": f"{name}_{place}"}
            for place, (name, _) in enumerate(tools)
        ],
    }
