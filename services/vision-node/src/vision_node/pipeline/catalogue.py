"""The registry of tools, found by walking a package, and the catalogue that `GET /tools/` shows."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from types import MappingProxyType, ModuleType
from typing import Any

from common.schemas.vision import ToolDescription
from vision_node.pipeline.tool import Params

Tools = Mapping[str, type[Params]]

# Names that the assembled result uses itself.
RESERVED_MEASUREMENTS = frozenset(
    {"tools", "processing_time", "confidence_score", "overlay", "time_ms", "timing"}
)


_NOT_PORTS = frozenset({"self", "memory", "models"})


class CatalogueError(Exception):
    """A tool's file breaks the rules of tools; the node must not start with it."""


def discover(package: ModuleType) -> Tools:
    """Import every module of a package and register the tools that it defines.

    Raises CatalogueError when a file has not exactly one tool, or a name is taken twice.
    """
    found: dict[str, type[Params]] = {}
    for module in _modules(package):
        name, tool = _only_tool(module)
        if name in found:
            raise CatalogueError(f"{module.__name__}: the tool name {name!r} is taken already")
        _check(name, tool)
        found[name] = tool
    return MappingProxyType(found)


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda entry: entry.name):
        yield importlib.import_module(f"{package.__name__}.{info.name}")


def _only_tool(module: ModuleType) -> tuple[str, type[Params]]:
    tools = [
        member
        for member in vars(module).values()
        if inspect.isclass(member)
        and issubclass(member, Params)
        and member.__module__ == module.__name__
        and "tool" in member.model_fields
    ]
    if len(tools) != 1:
        raise CatalogueError(f"{module.__name__} defines {len(tools)} tools; a file holds one")
    return str(tools[0].model_fields["tool"].default), tools[0]


def _check(name: str, tool: type[Params]) -> None:
    run = getattr(tool, "run", None)
    if run is None:
        raise CatalogueError(f"the tool {name!r} has no run method")
    arguments = [name for name in inspect.signature(run).parameters if name not in _NOT_PORTS]
    # A source is fed a frame by the runtime, not by a connection.
    expected = [port.name for port in tool.inputs] or ["frame"]
    if arguments != expected:
        raise CatalogueError(f"the tool {name!r} runs on {arguments}, but its ports are {expected}")


def describe(name: str, tool: type[Params]) -> ToolDescription:
    """One tool as `GET /tools/` shows it (contract, chapter 5)."""
    schema = _with_limits(tool.model_json_schema())
    schema["properties"].pop("tool", None)
    schema.pop("description", None)
    return ToolDescription(
        name=name,
        description=inspect.cleandoc(tool.__doc__ or ""),
        category=tool.category,
        parameters=schema,
        inputs=list(tool.inputs),
        outputs=list(tool.outputs),
        example=tool.example,
    )


_LIMITS = {
    "ge": "minimum",
    "le": "maximum",
    "gt": "exclusiveMinimum",
    "lt": "exclusiveMaximum",
}


def _with_limits(schema: Any) -> Any:
    """The limits in JSON Schema's words: Pydantic leaves its own where a validator stands before.

    Without this a whole number within a list or beside null would have no limits for anybody else.
    """
    if isinstance(schema, list):
        return [_with_limits(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    is_number = schema.get("type") in ("integer", "number")
    return {
        _LIMITS.get(name, name) if is_number else name: _with_limits(value)
        for name, value in schema.items()
    }


def describe_all(tools: Tools) -> list[ToolDescription]:
    """The whole catalogue, ordered by name."""
    return [describe(name, tools[name]) for name in sorted(tools)]
