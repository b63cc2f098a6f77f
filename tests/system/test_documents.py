"""What the documents say is what the code does."""

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_settings_page_is_written_from_the_settings() -> None:
    page = runpy.run_path(str(ROOT / "docs" / "settings_table.py"))["page"]
    assert (ROOT / "docs" / "settings.md").read_text() == page(), (
        "run `python docs/settings_table.py`"
    )


def test_every_path_that_a_document_names_exists() -> None:
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for document in documents:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_decisions_are_short_and_numbered() -> None:
    for decision in (ROOT / "docs" / "decisions").glob("*.md"):
        assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", decision.name)
        assert len(decision.read_text().splitlines()) <= 40, decision.name


def test_the_ci_script_calls_what_the_readme_names() -> None:
    readme = (ROOT / "README.md").read_text()
    for command in re.findall(r"^make [a-z]+", (ROOT / ".ci" / "run").read_text(), re.MULTILINE):
        assert command in readme
