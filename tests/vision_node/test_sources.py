import os
from pathlib import Path

import numpy as np
import pytest

from tests.vision_node.test_decoding import encoded, png_declaring
from vision_node.inspecting import inspect_once
from vision_node.pipeline.catalogue import Tools
from vision_node.pipeline.compiler import PipelineError, compile_pipeline
from vision_node.pipeline.runner import Stop, ToolFailed
from vision_node.sources.decoding import decode
from vision_node.sources.drawing import DRAWINGS
from vision_node.sources.errors import SourceError
from vision_node.sources.folders import read_allowed
from vision_node.sources.opening import SourceAccess
from vision_node.sources.samples import read_sample, sample_names


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    folder = tmp_path / "allowed"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.png").write_bytes(encoded(".png"))
    (tmp_path / "secret.png").write_bytes(encoded(".png"))
    (tmp_path / "allowed-not").mkdir()
    (tmp_path / "allowed-not" / "b.png").write_bytes(encoded(".png"))
    return folder


def read(path: str | Path, *folders: Path, max_bytes: int = 10**6) -> bytes:
    return read_allowed(str(path), folders, max_bytes=max_bytes)


def test_a_file_is_read_by_relative_and_absolute_path(allowed: Path, tmp_path: Path) -> None:
    expected = encoded(".png")
    assert read("deep/a.png", allowed) == expected
    assert read(allowed / "deep" / "a.png", allowed) == expected
    assert read("deep/../deep/a.png", allowed) == expected
    assert read("deep/a.png", tmp_path / "nowhere", allowed) == expected


@pytest.mark.parametrize(
    "path",
    [
        "../secret.png",
        "deep/../../secret.png",
        "/etc/passwd",
        "../allowed-not/b.png",
        "",
        ".",
        "deep",
        "a" * 5000,
        "deep/a.png/x",
        "no/such.png",
    ],
)
def test_a_path_that_leads_outside_or_nowhere_is_refused(allowed: Path, path: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(path, allowed)
    assert caught.value.parameter == "file_path"
    assert str(allowed) not in caught.value.message


def test_a_link_out_of_the_folder_is_refused_and_one_within_is_followed(
    allowed: Path, tmp_path: Path
) -> None:
    (allowed / "out.png").symlink_to(tmp_path / "secret.png")
    (allowed / "out").symlink_to(tmp_path)
    (allowed / "in.png").symlink_to(allowed / "deep" / "a.png")
    for path in ("out.png", "out/secret.png"):
        with pytest.raises(SourceError):
            read(path, allowed)
    assert read("in.png", allowed) == encoded(".png")


def test_pipes_nulls_and_large_files_are_refused(allowed: Path) -> None:
    os.mkfifo(allowed / "pipe")
    with pytest.raises(SourceError, match="no ordinary file"):
        read("pipe", allowed)
    with pytest.raises(SourceError, match="null"):
        read("deep/a\0.png", allowed)
    with pytest.raises(SourceError, match="the limit is 100"):
        read("deep/a.png", allowed, max_bytes=100)


def test_without_folders_no_file_is_read() -> None:
    with pytest.raises(SourceError):
        read("/etc/passwd")


def test_the_samples_are_what_their_drawings_say() -> None:
    assert sample_names() == sorted([*DRAWINGS, "people"])
    assert decode(read_sample("people")).shape == (270, 480, 3)
    for name, draw in DRAWINGS.items():
        assert np.array_equal(decode(read_sample(name)), draw())


@pytest.mark.parametrize("name", ["nothing", "../samples/blobs", "", "blobs.png"])
def test_an_unknown_sample_is_refused(name: str) -> None:
    with pytest.raises(SourceError, match="blobs"):
        read_sample(name)


def test_an_upload_is_inspected_and_its_decoding_timed(tools: Tools, never_stop: Stop) -> None:
    source = {"source_type": "upload", "image_id": "img_1"}
    graph = compile_pipeline({"tools": [{"name": "image_source", "parameters": source}]}, tools)
    access = SourceAccess(uploads={"img_1": encoded(".jpg")})
    results = inspect_once(graph, access, stop=never_stop, wait_ms=12).results
    assert (results["width"], results["height"]) == (90, 60)
    assert results["timing"]["decode_ms"] > 0
    assert results["timing"]["wait_ms"] == 12
    assert results["processing_time"] * 1000 >= results["timing"]["decode_ms"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no picture", "no picture"),
        (encoded(".jpg")[:-9], "cut short"),
        (png_declaring(30_000, 30_000), "30000 × 30000"),
        (None, "not there"),
    ],
)
def test_a_picture_that_cannot_be_read_names_tool_and_parameter(
    tools: Tools, never_stop: Stop, data: bytes | None, words: str
) -> None:
    source = {"source_type": "upload", "image_id": "img_1"}
    graph = compile_pipeline({"tools": [{"name": "image_source", "parameters": source}]}, tools)
    access = SourceAccess(uploads={"img_1": data} if data is not None else {})
    with pytest.raises(ToolFailed, match=words) as caught:
        inspect_once(graph, access, stop=never_stop)
    assert (caught.value.tool, caught.value.parameter) == ("image_source", "image_id")


@pytest.mark.parametrize(
    "source_type", ["sample", "upload", "file", "url", "rtsp", "camera", "video"]
)
def test_a_source_says_which_parameter_it_needs(tools: Tools, source_type: str) -> None:
    raw = {"tools": [{"name": "image_source", "parameters": {"source_type": source_type}}]}
    with pytest.raises(PipelineError) as caught:
        compile_pipeline(raw, tools)
    needs = {"sample": "name", "upload": "image_id", "camera": "device", "url": "url"}
    needed = {**needs, "rtsp": "url"}.get(source_type, "file_path")
    assert [problem.parameter for problem in caught.value.problems] == [needed]
