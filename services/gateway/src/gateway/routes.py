"""The routing table as data: read from `routes.toml`, checked, and looked up by segments."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from limits import RateLimitItem, parse
from pydantic import BaseModel, ConfigDict, Field

_MIB: Final = 1024 * 1024
UNLIMITED: Final = "none"


class RouteRow(BaseModel):
    """One `[[route]]` of the file."""

    model_config = ConfigDict(extra="forbid")

    paths: list[str] = Field(min_length=1)
    to: Literal["gateway", "orchestrator", "tracking", "printers", "devices", "cluster"]
    auth: Literal["token", "optional", "public", "csrf"] = "token"
    limit: str
    body_bytes: int = Field(_MIB, ge=0)
    timeout_s: float = Field(30.0, gt=0)
    credential: Literal["printer", "device"] | None = None
    exact: list[str] = Field(default_factory=list)


class RouteFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid")

    limits: dict[str, dict[str, str]]
    route: list[RouteRow]


@dataclass(frozen=True, slots=True)
class Route:
    """What to do with a path; `template` is its name in metrics."""

    template: str
    row: RouteRow
    is_exact: bool


@dataclass(slots=True)
class _Node:
    children: dict[str, "_Node"] = field(default_factory=dict)
    route: Route | None = None


class RateRow:
    """A row of the limits table: a rate for each role that has its own, and one for the others."""

    def __init__(self, name: str, rates: Mapping[str, str]) -> None:
        self.name = name
        self._rates: dict[str, RateLimitItem] = {role: parse(r) for role, r in rates.items()}
        if "default" not in self._rates:
            raise ValueError(f"limits.{name} has no default")

    def rate_for(self, role: str) -> RateLimitItem:
        """The rate of this role."""
        return self._rates.get(role, self._rates["default"])


class RouteTable:
    """Finds the route of a path in as many steps as the path has segments."""

    def __init__(self, rows: RouteFile, *, overrides: Mapping[str, str]) -> None:
        self._root = _Node()
        self.limits = {
            name: RateRow(name, {"default": overrides[name]} if name in overrides else rates)
            for name, rates in rows.limits.items()
        }
        if unknown := set(overrides) - set(rows.limits):
            raise ValueError(f"GEMBA_LIMITS names no row of the table: {sorted(unknown)}")
        for row in rows.route:
            if row.limit != UNLIMITED and row.limit not in self.limits:
                raise ValueError(f"route {row.paths[0]}: there is no limit named {row.limit!r}")
            for path in row.paths:
                self._add(path, row)

    def _add(self, path: str, row: RouteRow) -> None:
        node = self._root
        for segment in _segments(path):
            name = "{}" if segment.startswith("{") else segment
            node = node.children.setdefault(name, _Node())
        if node.route is not None:
            raise ValueError(f"two routes for {path}")
        node.route = Route(template=path, row=row, is_exact=path in row.exact)

    def find(self, path: str) -> Route | None:
        """The route with the longest match, or None. The path has no trailing slash."""
        segments = list(_segments(path))
        best: tuple[int, Route] | None = None
        for depth, route in _matches(self._root, segments, 0):
            is_better = best is None or depth > best[0]
            if is_better and (not route.is_exact or depth == len(segments)):
                best = (depth, route)
        return best[1] if best else None


def _segments(path: str) -> Iterator[str]:
    return (segment for segment in path.split("/") if segment)


def _matches(node: _Node, segments: list[str], depth: int) -> Iterator[tuple[int, Route]]:
    """Every route on the way; literal segments come first, so they win at equal depth."""
    if node.route is not None:
        yield depth, node.route
    if depth == len(segments):
        return
    for name in (segments[depth], "{}"):
        child = node.children.get(name)
        if child is not None:
            yield from _matches(child, segments, depth + 1)


def load_routes(path: Path, *, overrides: Mapping[str, str]) -> RouteTable:
    """Read and check the file.

    Raises:
        ValueError: it is no TOML, or a row is wrong; the message names it.
    """
    content: dict[str, Any] = tomllib.loads(path.read_text())
    return RouteTable(RouteFile.model_validate(content), overrides=overrides)
