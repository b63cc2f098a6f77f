"""Anomalies by their meaning, in pgvector."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from common.pool import Connection

_UNEMBEDDED: Final = """
SELECT anomaly_id, anomaly_type, description, root_cause, zone_id, worker_id, timestamp
FROM tracking.anomalies WHERE embedding IS NULL ORDER BY anomaly_id LIMIT $1
"""
_EMBED: Final = """
UPDATE tracking.anomalies SET embedding = $2::text::vector
WHERE anomaly_id = $1 AND root_cause IS NOT DISTINCT FROM $3
"""
_NEAREST: Final = """
SELECT anomaly_id, anomaly_type, description, root_cause, zone_id, worker_id, timestamp,
    1 - (embedding <=> $1::text::vector) AS score
FROM tracking.anomalies
WHERE embedding IS NOT NULL AND timestamp < $2
ORDER BY embedding <=> $1::text::vector LIMIT $3
"""


def as_text(vector: Sequence[float]) -> str:
    """A vector as pgvector reads it."""
    return "[" + ",".join(f"{value:.6g}" for value in vector) + "]"


async def unembedded(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """Anomalies whose meaning is not known yet."""
    return [dict(row) for row in await connection.fetch(_UNEMBEDDED, limit)]


async def embed(connection: Connection, row: dict[str, Any], vector: Sequence[float]) -> None:
    """Keep an anomaly's meaning, unless its cause was changed meanwhile."""
    await connection.execute(_EMBED, row["anomaly_id"], as_text(vector), row["root_cause"])


async def nearest(
    connection: Connection, vector: Sequence[float], *, before: datetime, limit: int
) -> list[dict[str, Any]]:
    """Earlier anomalies, the most alike first."""
    found = await connection.fetch(_NEAREST, as_text(vector), before, limit)
    return [dict(row) for row in found]
