"""What is wrong with a pipeline's graph: judged alike by the orchestrator and by a node.

Works on what a catalogue entry says of its ports, without OpenCV; parameters are checked elsewhere
(contract, chapter 5).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError

from common.schemas.vision import Connection, PipelineConfig, PipelineProblem, PortDescription


class HasPorts(Protocol):
    """A tool, or its catalogue entry: all that the graph needs to know of it."""

    @property
    def inputs(self) -> Sequence[PortDescription]:
        """What it takes; a source takes nothing."""

    @property
    def outputs(self) -> Sequence[PortDescription]:
        """What it gives."""


Kinds = Mapping[str, HasPorts | None]


@dataclass(frozen=True, slots=True, order=True)
class Wire:
    """One connection, both of its ports known."""

    source: str
    output: str
    target: str
    into: str


def read_pipeline(raw: object) -> PipelineConfig | list[PipelineProblem]:
    """Read a pipeline_config, or say which of its fields are malformed."""
    try:
        return PipelineConfig.model_validate(raw)
    except ValidationError as error:
        return in_order(_malformed(raw, problem) for problem in error.errors(include_url=False))


def _malformed(raw: object, problem: Mapping[str, Any]) -> PipelineProblem:
    place = problem["loc"]
    path = ".".join(str(part) for part in place) or "pipeline_config"
    message = str(problem["msg"])
    return PipelineProblem(tool=_tool_at(raw, place), parameter=path, message=message)


def _tool_at(raw: object, place: tuple[int | str, ...]) -> str | None:
    if len(place) < 2 or place[0] != "tools" or not isinstance(raw, Mapping):
        return None
    tool = raw["tools"][place[1]]
    name = (tool.get("id") or tool.get("name")) if isinstance(tool, Mapping) else None
    return name if isinstance(name, str) else None


def in_order(problems: Iterable[PipelineProblem]) -> list[PipelineProblem]:
    """Sorted, so that the same pipeline written down in another order has the same list."""
    return sorted(problems, key=lambda p: (p.tool or "", p.parameter or "", p.message))


def check_graph(config: PipelineConfig, kinds: Kinds) -> tuple[list[Wire], list[PipelineProblem]]:
    """Join connections to ports and find double ids, wrong types, circles and loose tools.

    `kinds` has the tool of every id, None where the tool is unknown: that is the caller's to
    report, and nothing more is said of it here. No answer depends on the order of the lists.
    """
    wires, problems = _wire(config.connections, kinds)
    problems += _double_ids(config)
    problems += _circles(config)
    problems += _loose(config, kinds, wires)
    return wires, in_order(problems)


def _problem(tool: str, parameter: str, message: str) -> PipelineProblem:
    return PipelineProblem(tool=tool, parameter=parameter, message=message)


def _wire(
    connections: Sequence[Connection], kinds: Kinds
) -> tuple[list[Wire], list[PipelineProblem]]:
    wires: list[Wire] = []
    problems: list[PipelineProblem] = []
    for index, connection in enumerate(connections):
        found = _join(connection, kinds, _claimed_by_others(connections, index))
        if isinstance(found, Wire):
            wires.append(found)
        elif found is not None:
            problems.append(found)
    return wires, problems + _crowded(wires, kinds)


def _claimed_by_others(connections: Sequence[Connection], index: int) -> frozenset[str]:
    """The inputs of the same tool that other connections name."""
    target = connections[index].target
    return frozenset(
        other.to_port
        for place, other in enumerate(connections)
        if place != index and other.target == target and other.to_port is not None
    )


def _join(
    connection: Connection, kinds: Kinds, claimed: frozenset[str]
) -> Wire | PipelineProblem | None:
    for end, key in (("from", connection.source), ("to", connection.target)):
        if key not in kinds:
            message = f"no tool of this pipeline has the id {key!r}"
            return _problem(connection.target, end, message)
    source, target = kinds[connection.source], kinds[connection.target]
    if source is None or target is None:
        return None
    if not target.inputs:
        return _problem(connection.target, "to", "a source takes no connection")
    outputs = [port for port in source.outputs if connection.from_port in (None, port.name)]
    if not outputs:
        message = f"{connection.source!r} has no output {connection.from_port!r}"
        known = _names(source.outputs)
        return _problem(connection.target, "from_port", f"{message}; it has {known}")
    inputs = _open_inputs(connection, target, claimed)
    if isinstance(inputs, PipelineProblem):
        return inputs
    return _pick(connection, outputs, inputs)


def _open_inputs(
    connection: Connection, target: HasPorts, claimed: frozenset[str]
) -> list[PortDescription] | PipelineProblem:
    if connection.to_port is None:
        free = [port for port in target.inputs if port.many or port.name not in claimed]
        taken = _problem(connection.target, "to_port", "all of its inputs are connected already")
        return free or taken
    named = [port for port in target.inputs if port.name == connection.to_port]
    message = f"it has no input {connection.to_port!r}; it has {_names(target.inputs)}"
    return named or _problem(connection.target, "to_port", message)


def _pick(
    connection: Connection, outputs: Sequence[PortDescription], inputs: Sequence[PortDescription]
) -> Wire | PipelineProblem:
    """The first input that something fits, and the first output that fits it."""
    for into in inputs:
        for output in outputs:
            if _fits(output, into):
                return Wire(connection.source, output.name, connection.target, into.name)
    message = f"{connection.source!r} gives {_typed(outputs)}, which does not fit {_typed(inputs)}"
    return _problem(connection.target, connection.to_port or inputs[0].name, message)


def _fits(output: PortDescription, into: PortDescription) -> bool:
    is_of_type = output.type == into.type or output.type in into.accepts
    return is_of_type and into.unit in (None, output.unit)


def _crowded(wires: Sequence[Wire], kinds: Kinds) -> list[PipelineProblem]:
    feeding: dict[tuple[str, str], list[str]] = defaultdict(list)
    for wire in wires:
        feeding[wire.target, wire.into].append(wire.source)
    problems = []
    for (target, name), sources in feeding.items():
        tool = kinds[target]
        takes_many = tool is not None and any(p.name == name and p.many for p in tool.inputs)
        if len(sources) > 1 and not takes_many:
            froms = ", ".join(sorted(sources))
            message = f"takes one connection, but has {len(sources)} (from {froms}); name to_port"
            problems.append(_problem(target, name, message))
    return problems


def _double_ids(config: PipelineConfig) -> list[PipelineProblem]:
    counts = Counter(tool.key for tool in config.tools)
    return [
        _problem(key, "id", f"{count} tools have the id {key!r}; give each an id of its own")
        for key, count in counts.items()
        if count > 1
    ]


def _circles(config: PipelineConfig) -> list[PipelineProblem]:
    """One problem for each set of tools that feed each other."""
    following: dict[str, set[str]] = defaultdict(set)
    for connection in config.connections:
        following[connection.source].add(connection.target)
    reached = {key: _reach(key, following) for key in following}
    circles = {
        tuple(sorted(other for other in reach if key in reached.get(other, ())))
        for key, reach in reached.items()
        if key in reach
    }
    text = "the connections form a circle through"
    return [_problem(circle[0], "connections", f"{text} {', '.join(circle)}") for circle in circles]


def _reach(start: str, following: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        fresh = following.get(waiting.pop(), set()) - seen
        seen |= fresh
        waiting += fresh
    return seen


def _loose(config: PipelineConfig, kinds: Kinds, wires: Sequence[Wire]) -> list[PipelineProblem]:
    """Tools with nothing connected, and required inputs that nothing feeds.

    Of a tool one of whose connections is wrong already, nothing is said: that is the cause.
    """
    targets = Counter(connection.target for connection in config.connections)
    joined = Counter(wire.target for wire in wires)
    fed = {(wire.target, wire.into) for wire in wires}
    problems = []
    for key, kind in kinds.items():
        if kind is None or not kind.inputs:
            continue
        if key not in targets:
            problems.append(_problem(key, "connections", "nothing is connected to this tool"))
            continue
        problems += [
            _problem(key, port.name, f"nothing is connected to this input ({_typed([port])})")
            for port in kind.inputs
            if port.required and (key, port.name) not in fed and joined[key] == targets[key]
        ]
    return problems


def _names(ports: Sequence[PortDescription]) -> str:
    return ", ".join(port.name for port in ports) or "none"


def _typed(ports: Sequence[PortDescription]) -> str:
    return ", ".join(
        f"{port.name} ({port.type} in {port.unit})" if port.unit else f"{port.name} ({port.type})"
        for port in ports
    )
