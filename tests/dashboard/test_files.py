"""The dashboard's files: libraries as their makers made them, every text in every language."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.dashboard.files import FOLDER, Files
from gateway.dashboard.vendoring import VENDOR, digest, original, read_manifest

OURS = sorted(path for path in FOLDER.rglob("*.js") if VENDOR not in path.parents)
LANGUAGES = ("pt", "th")
_TEXT = re.compile(r"""\bt\(\s*"((?:[^"\\]|\\.)*)\"""")


def vendored() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for package in read_manifest()["packages"]:
        for file in package["files"]:
            yield package, file


def test_every_library_is_the_makers_own() -> None:
    for package, file in vendored():
        content = (VENDOR / file["path"]).read_bytes()
        assert digest(content) == file["sha256"], file["path"]
        imports = file.get("imports", {})
        assert digest(original(content, imports)) == file["maker_sha256"], file["path"]
        assert package["licence"] in ("MIT", "Apache-2.0", "BSD-3-Clause")
        assert package["version"]


def test_nothing_is_vendored_that_the_manifest_does_not_name() -> None:
    named = {file["path"] for _, file in vendored()} | {"manifest.json"}
    assert {path.name for path in VENDOR.iterdir()} == named


def test_axe_is_the_makers_own() -> None:
    folder = Path(__file__).parent / "vendor"
    for package in json.loads((folder / "manifest.json").read_text())["packages"]:
        for file in package["files"]:
            assert digest((folder / file["path"]).read_bytes()) == file["sha256"]


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_a_script_says_what_it_is_and_stays_small(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("/** "), "a script begins with a sentence on why it exists"
    assert len(text.splitlines()) <= 300
    assert not re.search(r"\beval\(|new Function\(|innerHTML|document\.write", text)
    assert not re.search(r"https?://(?!octopi\.local|klipper\.local)", text)


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_a_script_tells_what_each_export_is_for(path: Path) -> None:
    lines = path.read_text().splitlines()
    for place, line in enumerate(lines):
        is_export = re.match(r"export (default )?(async )?(function|class|const) ", line)
        if is_export and "html = htm" not in line:
            assert lines[place - 1].strip().endswith("*/"), f"{path.name}: {line}"


def texts() -> set[str]:
    """Every literal text that is shown."""
    found = {match for path in OURS for match in _TEXT.findall(path.read_text())}
    return {text.replace('\\"', '"') for text in found}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_there_in_every_language(language: str) -> None:
    known: dict[str, str] = {}
    for file in sorted((FOLDER / "messages" / language).glob("*.json")):
        known |= json.loads(file.read_text())
    assert sorted(texts() - set(known)) == []
    for text, translation in known.items():
        holes = re.compile(r"\{(\w+)\}")
        assert set(holes.findall(text)) == set(holes.findall(translation)), text


def test_the_page_names_its_first_modules_and_no_other_host() -> None:
    page = Files.read(FOLDER).page.plain.decode()
    assert "{{" not in page
    assert page.count("modulepreload") > 10
    assert "http" not in page
