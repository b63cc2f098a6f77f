"""Orchestrator and node must judge a pipeline alike: one by the JSON Schemas, one by the tools."""

from typing import Any

import pytest

from common.schemas.vision import PipelineConfig
from orchestrator.pipelines import Toolbox, catalogue_problems
from vision_node.pipeline.catalogue import Tools, describe_all
from vision_node.pipeline.compiler import PipelineError, compile_pipeline


@pytest.fixture(scope="module")
def toolbox(tools: Tools) -> Toolbox:
    catalogue = describe_all(tools)
    assert catalogue_problems(catalogue) == {}
    return Toolbox(catalogue)


def test_every_example_passes_the_orchestrator(tools: Tools, toolbox: Toolbox) -> None:
    for name, tool in tools.items():
        config = PipelineConfig.model_validate(tool.example)
        assert toolbox.problems(config) == [], name


def test_every_limit_is_said_in_words_that_json_schema_knows(tools: Tools) -> None:
    for entry in describe_all(tools):
        # Pydantic writes these where a limit stands outside of the type that it belongs to.
        assert not {"ge", "le", "gt", "lt"} & _words(entry.parameters), entry.name


def _words(schema: Any) -> set[str]:
    if isinstance(schema, dict):
        inner = (_words(value) for value in schema.values())
        return {name for name, value in schema.items() if not isinstance(value, dict)}.union(*inner)
    return set().union(*map(_words, schema)) if isinstance(schema, list) else set()


@pytest.mark.parametrize(
    ("name", "parameters", "named"),
    [
        ("image_source", {"source_type": "video"}, "file_path"),
        ("image_source", {"source_type": "camera"}, "device"),
        ("image_source", {"source_type": "rtsp"}, "url"),
        ("image_source", {"source_type": "file", "file_path": "x", "device": 99}, "device"),
        ("caliper", {"x1": 1, "y1": 2, "x2": 3}, "y2"),
        ("find_circle", {"cx": 1, "cy": 1, "radius": 0}, "radius"),
        ("size_sorting", {"classes": []}, "classes"),
        ("read_codes", {"formats": ["morse"]}, "formats"),
        ("zone_count", {"polygon": [[0, 0], [1, 1]]}, "polygon"),
    ],
)
def test_a_bad_parameter_is_found_by_both(
    tools: Tools, toolbox: Toolbox, name: str, parameters: dict[str, Any], named: str
) -> None:
    raw = {"tools": [{"name": name, "parameters": parameters}]}
    judged = toolbox.problems(PipelineConfig.model_validate(raw))
    assert any(problem.tool == name for problem in judged)
    with pytest.raises(PipelineError) as caught:
        compile_pipeline(raw, tools)
    found = {(problem.parameter or "").partition(".")[0] for problem in caught.value.problems}
    assert named in found
