"""A camera's verdicts as one score: smoothed, so that one odd picture raises no alarm. Pure.

The exponentially weighted mean over about a dozen pictures is that of Obico (the Spaghetti
Detective).
"""

from collections.abc import Mapping
from typing import Any, Final

_SPAN: Final = 12
_ALPHA: Final = 2 / (_SPAN + 1)
_SOURCE: Final = "image_source"


def smoothed(before: float | None, value: float) -> float:
    """The score after one more picture; the first ones start from 0, so that one is not enough."""
    return round((before or 0.0) * (1 - _ALPHA) + value * _ALPHA, 4)


def sign_of(results: Mapping[str, Any], field: str, *, full: float) -> float | None:
    """How much one picture looks like a failure, 0 to 1; None where the result does not say."""
    value: Any = results
    for name in field.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return min(1.0, max(0.0, value / full))


def pipeline_for(config: Mapping[str, Any], image_id: str) -> dict[str, Any]:
    """The user's pipeline over one uploaded picture; a source is added where there is none."""
    source = {"source_type": "upload", "image_id": image_id}
    tools = [dict(tool) for tool in config.get("tools", []) if isinstance(tool, Mapping)]
    connections = [dict(one) for one in config.get("connections", []) if isinstance(one, Mapping)]
    sources = [tool for tool in tools if tool.get("name") == _SOURCE]
    for tool in sources:
        tool["parameters"] = {**(tool.get("parameters") or {}), **source}
    if not sources:
        fed = {one.get("to") for one in connections}
        heads = [tool.get("id") or tool.get("name") for tool in tools]
        connections += [{"from": _SOURCE, "to": head} for head in heads if head not in fed]
        tools.insert(0, {"name": _SOURCE, "parameters": source})
    return {"tools": tools, "connections": connections}
