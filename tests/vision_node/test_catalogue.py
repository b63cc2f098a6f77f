import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

from vision_node.inference.sessions import Models
from vision_node.inspecting import inspect_once
from vision_node.pipeline.catalogue import (
    RESERVED_MEASUREMENTS,
    CatalogueError,
    Tools,
    describe_all,
    discover,
)
from vision_node.pipeline.compiler import compile_pipeline
from vision_node.pipeline.runner import Stop, run_graph
from vision_node.sources.opening import SourceAccess, open_source
from vision_node.tools.image_source import ImageSource


def test_every_tool_of_the_folder_is_in_the_catalogue(tools: Tools) -> None:
    assert {"image_source", "blob_detection", "edge_detection", "color_filter"} <= set(tools)
    for entry in describe_all(tools):
        assert entry.description
        assert entry.category
        assert entry.parameters["additionalProperties"] is False
        assert "tool" not in entry.parameters["properties"]
        for parameter in entry.parameters["properties"].values():
            assert parameter["description"]


def test_every_example_runs_on_any_node_as_it_stands(
    tools: Tools, models: Models, never_stop: Stop
) -> None:
    for name, tool in tools.items():
        graph = compile_pipeline(tool.example, tools, models=models)
        assert name in {step.name for step in graph.steps}
        results = inspect_once(graph, SourceAccess(), stop=never_stop).results
        assert results["overlay"]["width"] > 0


def test_tools_give_exactly_the_ports_that_they_declare(
    tools: Tools, models: Models, never_stop: Stop
) -> None:
    for tool in tools.values():
        graph = compile_pipeline(tool.example, tools, models=models)
        frames = {
            step.id: next(open_source(step.tool, SourceAccess()))
            for step in graph.sources
            if isinstance(step.tool, ImageSource)
        }
        for run in run_graph(graph, frames, stop=never_stop):
            declared = {port.name for port in run.step.tool.outputs}
            assert set(run.result.outputs) == declared
            assert not RESERVED_MEASUREMENTS & set(run.result.measurements)


TOOL = """
    from typing import ClassVar, Literal
    from vision_node.pipeline.tool import Params, Result

    class Site(Params):
        '''A tool of this site.'''
        category: ClassVar[str] = "source"
        inputs: ClassVar = ()
        outputs: ClassVar = ()
        example: ClassVar = {}
        tool: Literal["site"] = "site"

        def run(self, frame: object) -> Result:
            return Result()
"""


def package(folder: Path, name: str, **files: str) -> ModuleType:
    for file, text in files.items():
        (folder / f"{file}.py").write_text(textwrap.dedent(text))
    made = ModuleType(name)
    made.__path__ = [str(folder)]
    sys.modules[name] = made
    return made


def test_a_sites_own_tool_is_found_by_its_file(tmp_path: Path) -> None:
    assert list(discover(package(tmp_path, "site_a", one=TOOL))) == ["site"]


def test_two_tools_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="taken"):
        discover(package(tmp_path, "site_b", one=TOOL, two=TOOL))


def test_a_file_without_a_tool_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="defines 0 tools"):
        discover(package(tmp_path, "site_c", empty="LIMIT = 1"))


def test_a_tool_whose_run_does_not_fit_its_ports_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="ports"):
        discover(package(tmp_path, "site_d", odd=TOOL.replace("frame: object", "other: object")))
