"""Judges a pipeline against the tool catalogues that nodes registered (contract, chapter 5).

The graph is judged by the common library, as on the node; the parameters by each tool's JSON
Schema. OpenCV stays on the nodes, and a site's own tools are judged like ours.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import referencing
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from referencing.exceptions import Unresolvable

from common.pipelines import check_graph, in_order
from common.schemas.vision import PipelineConfig, PipelineProblem, ToolDescription, ToolSpec

_SOURCE: Final = "image_source"
_LIVE: Final = frozenset({"camera", "rtsp", "video", "floor"})
_MOST_PROBLEMS: Final = 100
# Without a registry jsonschema would fetch a remote `$ref` by itself.
_NO_REMOTE: Final = referencing.Registry[Any]()


class Toolbox:
    """The union of the registered catalogues, each tool with its compiled schema."""

    def __init__(self, tools: Iterable[ToolDescription]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._validators = {
            name: Draft202012Validator(tool.parameters, registry=_NO_REMOTE)
            for name, tool in self._tools.items()
        }

    @property
    def is_empty(self) -> bool:
        """True as long as no node has ever registered its tools."""
        return not self._tools

    @property
    def tools(self) -> list[ToolDescription]:
        """Every tool, by name."""
        return [self._tools[name] for name in sorted(self._tools)]

    def get(self, name: str) -> ToolDescription | None:
        """The tool of this name."""
        return self._tools.get(name)

    def parameter_errors(self, tool: ToolSpec) -> Iterator[ValidationError]:
        """What its schema says against the parameters of a known tool."""
        try:
            yield from self._validators[tool.name].iter_errors(tool.parameters)
        except Unresolvable as error:
            yield ValidationError(f"the tool's schema has a broken reference: {error.ref}")

    def problems(self, config: PipelineConfig) -> list[PipelineProblem]:
        """Everything that is wrong with a pipeline: graph, tools, parameters.

        With an empty toolbox nothing can be said of tools and ports: then only double ids,
        circles and connections that lead nowhere are found.
        """
        kinds = {tool.key: self.get(tool.name) for tool in config.tools}
        _, problems = check_graph(config, kinds)
        if not self.is_empty:
            for tool in config.tools:
                problems += self._tool_problems(tool)
        return in_order(problems)[:_MOST_PROBLEMS]

    def _tool_problems(self, tool: ToolSpec) -> list[PipelineProblem]:
        if tool.name not in self._tools:
            message = f"there is no tool named {tool.name!r}"
            return [PipelineProblem(tool=tool.key, parameter="name", message=message)]
        found = (_parameter_problem(tool, error) for error in self.parameter_errors(tool))
        return list({(p.parameter, p.message): p for p in found}.values())


def _parameter_problem(tool: ToolSpec, error: ValidationError) -> PipelineProblem:
    cause = best_match([error]) or error
    return PipelineProblem(
        tool=tool.key, parameter=_parameter_of(cause), message=_message_of(cause)[:500]
    )


def _parameter_of(error: ValidationError) -> str | None:
    path = [str(part) for part in error.absolute_path]
    if error.validator == "required" and isinstance(error.instance, Mapping):
        wanted = error.schema.get("required", ()) if isinstance(error.schema, Mapping) else ()
        missing = [name for name in wanted if name not in error.instance]
        named = [name for name in missing if error.message.startswith(repr(name))]
        path += (named or missing)[:1]
    elif error.validator == "additionalProperties":
        path += _unknown_parameters(error)[:1]
    return ".".join(path) or None


def _unknown_parameters(error: ValidationError) -> list[str]:
    known = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
    given = error.instance if isinstance(error.instance, Mapping) else {}
    return [str(name) for name in given if name not in known]


def _message_of(error: ValidationError) -> str:
    if error.validator == "required":
        return "this parameter is required"
    if error.validator == "additionalProperties" and isinstance(error.schema, Mapping):
        unknown = ", ".join(_unknown_parameters(error))
        known = ", ".join(sorted(error.schema.get("properties", {}))) or "none"
        return f"there is no parameter {unknown}; the parameters are: {known}"
    return str(error.message)


def catalogue_problems(tools: Sequence[ToolDescription]) -> dict[str, list[str]]:
    """What is wrong with a catalogue that a node sends, by field; empty when nothing is."""
    problems: dict[str, list[str]] = {}
    seen: set[str] = set()
    for index, tool in enumerate(tools):
        if tool.name in seen:
            problems[f"tools.{index}.name"] = [f"there are two tools named {tool.name!r}"]
        seen.add(tool.name)
        try:
            Draft202012Validator.check_schema(tool.parameters)
        except SchemaError as error:
            problems[f"tools.{index}.parameters"] = [f"is no JSON Schema: {error.message}"[:500]]
    return problems


def tool_names(config: PipelineConfig) -> list[str]:
    """The tools that a machine needs to run this pipeline, by name."""
    return sorted({tool.name for tool in config.tools})


def uploads(config: PipelineConfig) -> dict[str, str]:
    """The uploaded images that its sources name: image_id by the source's id."""
    return {
        tool.key: image_id
        for tool in config.tools
        if tool.name == _SOURCE and isinstance(image_id := tool.parameters.get("image_id"), str)
    }


def is_continuous(config: PipelineConfig) -> bool:
    """True when a source is live: the inspection streams until it is cancelled or runs dry."""
    return any(
        tool.name == _SOURCE and tool.parameters.get("source_type") in _LIVE
        for tool in config.tools
    )
