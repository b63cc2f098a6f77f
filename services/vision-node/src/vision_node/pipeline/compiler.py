"""From a pipeline_config to a graph that runs, or to all that is wrong with it (chapter 5)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from graphlib import TopologicalSorter
from typing import Any

from pydantic import ValidationError

from common.pipelines import Wire, check_graph, in_order, read_pipeline
from common.schemas.vision import PipelineConfig, PipelineProblem, ToolSpec
from vision_node.pipeline.catalogue import Tools
from vision_node.pipeline.graph import Binding, Graph, Step
from vision_node.pipeline.tool import Params


class PipelineError(Exception):
    """A pipeline cannot be compiled; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: list[PipelineProblem]) -> None:
        super().__init__("; ".join(_sentence(problem) for problem in problems))
        self.problems = problems


def _sentence(problem: PipelineProblem) -> str:
    where = ".".join(part for part in (problem.tool, problem.parameter) if part)
    return f"{where}: {problem.message}" if where else problem.message


def compile_pipeline(raw: object, tools: Tools, *, models: object = None) -> Graph:
    """Compile a pipeline_config as it came over the wire, or one that is read already.

    Raises PipelineError with all problems at once: malformed fields alone, since nothing can be
    said of the rest; else unknown tools, double ids, bad parameters, types, circles, loose tools.
    """
    config = raw if isinstance(raw, PipelineConfig) else read_pipeline(raw)
    if not isinstance(config, PipelineConfig):
        raise PipelineError(config)
    kinds = {tool.key: tools.get(tool.name) for tool in config.tools}
    wires, problems = check_graph(config, kinds)
    instances, wrong = _instances(config.tools, tools)
    if problems or wrong:
        raise PipelineError(in_order(problems + wrong))
    return replace(_graph(config, instances, wires), models=models)


def _instances(
    configured: Sequence[ToolSpec], tools: Tools
) -> tuple[dict[str, Params], list[PipelineProblem]]:
    instances: dict[str, Params] = {}
    problems: list[PipelineProblem] = []
    for spec in configured:
        kind = tools.get(spec.name)
        if kind is None:
            message = f"unknown tool {spec.name!r}; this node has {', '.join(sorted(tools))}"
            problems.append(PipelineProblem(tool=spec.key, parameter="name", message=message))
            continue
        try:
            instances[spec.key] = kind.model_validate({**spec.parameters, "tool": spec.name})
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_context=False)
            problems += [_bad_parameter(spec.key, detail) for detail in wrong]
    return instances, problems


def _bad_parameter(key: str, detail: Mapping[str, Any]) -> PipelineProblem:
    name = ".".join(str(part) for part in detail["loc"])
    message = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        message = "the tool has no such parameter"
    return PipelineProblem(tool=key, parameter=name or "parameters", message=message)


def _graph(config: PipelineConfig, instances: Mapping[str, Params], wires: Sequence[Wire]) -> Graph:
    order = _execution_order(instances, wires)
    place = {key: index for index, key in enumerate(order)}
    last_use = _last_use(order, wires)
    name_of = {tool.key: tool.name for tool in config.tools}
    steps = tuple(
        Step(
            id=key,
            name=name_of[key],
            tool=instances[key],
            bindings=_bindings(key, instances[key], wires=wires, place=place),
            release=tuple(i for i, user in enumerate(last_use) if user == place[key]),
        )
        for key in order
    )
    feeding = {joined.source for joined in wires}
    return Graph(steps, tuple(place[key] for key in sorted(order) if key not in feeding))


def _execution_order(keys: Iterable[str], wires: Iterable[Wire]) -> list[str]:
    """Topological, by id where there is a choice: the same however the pipeline was written."""
    sorter = TopologicalSorter({key: set[str]() for key in keys})
    for joined in wires:
        sorter.add(joined.target, joined.source)
    sorter.prepare()
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    return order


def _last_use(order: Sequence[str], wires: Sequence[Wire]) -> list[int]:
    """For each step, the index of the step after which its outputs are needed no more."""
    place = {key: index for index, key in enumerate(order)}
    last = list(range(len(order)))
    for joined in wires:
        source = place[joined.source]
        last[source] = max(last[source], place[joined.target])
    return last


def _bindings(
    key: str, tool: Params, *, wires: Iterable[Wire], place: Mapping[str, int]
) -> tuple[Binding, ...]:
    feeding: dict[str, list[Wire]] = defaultdict(list)
    for joined in wires:
        if joined.target == key:
            feeding[joined.into].append(joined)
    return tuple(
        Binding(
            port.name,
            tuple((place[joined.source], joined.output) for joined in sorted(feeding[port.name])),
            port.many,
        )
        for port in tool.inputs
        if port.name in feeding
    )
