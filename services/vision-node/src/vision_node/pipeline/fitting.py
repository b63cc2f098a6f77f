"""Keeps `results` within what one message may carry: counts stay true, long lists are cut."""

from collections.abc import Iterator
from typing import Any

import orjson

MAX_BYTES = 900_000
_SHORT = 20


def fit(results: dict[str, Any], *, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Shorten, where it must be, first the overlay and then every long list; says so if it did."""
    if len(orjson.dumps(results)) <= max_bytes:
        return results
    overlay = results.get("overlay", {})
    shapes = overlay.get("shapes", [])
    bare = {**overlay, "shapes": [], "omitted": overlay.get("omitted", 0) + len(shapes)}
    fitted = {**results, "overlay": bare, "is_shortened": True}
    if len(orjson.dumps(fitted)) <= max_bytes:
        return fitted
    for holder in _holders(fitted):
        for name, value in holder.items():
            if isinstance(value, list):
                holder[name] = value[:_SHORT]
    return fitted


def _holders(results: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Copies, put in place, of the objects that measurements stand in."""
    yield results
    results["tools"] = {key: dict(own) for key, own in results.get("tools", {}).items()}
    yield from results["tools"].values()
