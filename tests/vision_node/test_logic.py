from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from vision_node.imaging import Image
from vision_node.inspecting import inspect_once
from vision_node.pipeline.catalogue import Tools
from vision_node.pipeline.compiler import compile_pipeline
from vision_node.pipeline.runner import Stop
from vision_node.pipeline.tool import sample_graph
from vision_node.sources.opening import SourceAccess
from vision_node.tools.branch import Branch
from vision_node.tools.logic import Logic
from vision_node.tools.rule import Rule
from vision_node.tools.text_rule import TextRule


def judge(value: float | None, **parameters: Any) -> bool:
    return bool(Rule(**parameters).run(value).outputs["passed"])


def test_limits_include_both_ends() -> None:
    assert judge(5, minimum=5, maximum=7)
    assert judge(7, minimum=5, maximum=7)
    assert not judge(7.001, minimum=5, maximum=7)
    assert judge(1e9, minimum=5)


def test_tolerances_may_differ_above_and_below() -> None:
    parameters = {"nominal": 10, "tolerance": 1, "tolerance_above": 0.2}
    assert judge(9, **parameters)
    assert judge(10.2, **parameters)
    assert not judge(10.3, **parameters)
    assert Rule(nominal=10, tolerance=1).run(10.5).measurements["deviation"] == 0.5


def test_what_was_not_measured_fails_and_says_so() -> None:
    found = Rule(minimum=1).run(None)
    assert found.outputs == {"passed": False, "failed": True}
    assert found.measurements["reason"]
    assert found.overlay[0].role == "fail"


@pytest.mark.parametrize(
    "parameters", [{}, {"nominal": 3}, {"minimum": 3, "maximum": 2}, {"tolerance": 1}]
)
def test_a_rule_without_sound_limits_is_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Rule(**parameters)


def test_texts_are_judged_by_patterns() -> None:
    tool = TextRule(allowed=("LOT-??-*", "spare"))
    assert tool.run("LOT-26-A7").outputs["passed"]
    assert tool.run("spare").outputs["passed"]
    assert not tool.run("lot-26-a7").outputs["passed"]
    assert not tool.run(None).outputs["passed"]


@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=9), st.integers(0, 9))
def test_verdicts_are_joined_as_python_joins_them(flags: list[bool | None], least: int) -> None:
    def joined(operation: str) -> bool:
        tool = Logic.model_validate({"operation": operation, "at_least": least})
        return bool(tool.run(list(flags)).outputs["passed"])

    assert joined("and") == all(flags)
    assert joined("or") == any(flags)
    assert joined("not") == (not any(flags))
    assert joined("count") == (sum(flag is True for flag in flags) >= least)


def test_a_branch_hands_the_picture_on_one_way() -> None:
    image = Image(np.zeros((2, 2), np.uint8))
    assert Branch().run(image, condition=True).outputs == {"when_true": image, "when_false": None}
    assert Branch().run(image, condition=False).outputs == {"when_true": None, "when_false": image}


def test_only_the_branch_that_is_taken_runs_and_the_verdict_comes_all_the_same(
    tools: Tools, never_stop: Stop
) -> None:
    config = sample_graph(
        {"picture": "shapes"},
        {
            "focus": ("sharpness", {"minimum": 1e9}),
            "way": ("branch", {}),
            "plate": ("caliper", {"x1": 20, "y1": 170, "x2": 300, "y2": 170}),
            "blobs": ("blob_detection", {}),
            "ok": ("rule", {"nominal": 220, "tolerance": 1}),
            "all": ("logic", {}),
        },
        "picture.image>focus",
        "picture.image>way",
        "focus.is_sharp>way.condition",
        "way.when_true>plate",
        "way.when_false>blobs",
        "plate.width>ok",
        "ok.passed>all",
    )
    results = inspect_once(compile_pipeline(config, tools), SourceAccess(), stop=never_stop).results
    assert results["tools"]["plate"]["is_skipped"] is True
    assert results["tools"]["blobs"]["blob_count"] == 1
    assert results["tools"]["ok"]["reason"] == "there is no value to judge"
    assert results["passed"] is False
