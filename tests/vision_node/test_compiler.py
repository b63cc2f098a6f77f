from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vision_node.graph_tools import TOOLS
from vision_node.pipeline.compiler import PipelineError, compile_pipeline
from vision_node.pipeline.graph import Graph


def tool(name: str, key: str | None = None, **parameters: Any) -> dict[str, Any]:
    return {"name": name, "parameters": parameters, **({"id": key} if key else {})}


def join(source: str, target: str, **ports: str) -> dict[str, str]:
    return {"from": source, "to": target, **ports}


def problems_of(*tools: object, connections: object = ()) -> list[tuple[Any, ...]]:
    with pytest.raises(PipelineError) as caught:
        compile_pipeline({"tools": [*tools], "connections": connections}, TOOLS)
    return [(p.tool, p.parameter, p.message) for p in caught.value.problems]


def test_steps_come_in_an_order_in_which_they_can_run() -> None:
    graph = compile_pipeline(
        {
            "tools": [tool("add", "sum"), tool("number", "b"), tool("number", "a")],
            "connections": [join("b", "sum"), join("a", "sum")],
        },
        TOOLS,
    )
    assert [step.id for step in graph.steps] == ["a", "b", "sum"]
    assert graph.steps[2].bindings[0].feeds == ((0, "value"), (1, "value"))
    assert [graph.steps[index].id for index in graph.last] == ["sum"]


def test_every_problem_is_found_at_once_and_names_its_tool_and_parameter() -> None:
    found = problems_of(
        tool("number"),
        tool("add", plus=1000, colour="red"),
        tool("weld"),
        tool("judge"),
        tool("subtract", "lonely"),
        connections=[
            join("number", "add"),
            join("number", "judge"),
            join("ghost", "add"),
            join("number", "weld"),
        ],
    )
    places = [(key, parameter) for key, parameter, _ in found]
    assert places == [
        ("add", "colour"),
        ("add", "from"),
        ("add", "plus"),
        ("judge", "length"),
        ("lonely", "connections"),
        ("weld", "name"),
    ]
    assert "number in px" in found[3][2]
    assert "number in mm" in found[3][2]
    assert "less than or equal to 100" in found[2][2]


def test_tools_that_feed_each_other_are_one_problem() -> None:
    found = problems_of(
        tool("number"),
        tool("add", "a"),
        tool("add", "b"),
        tool("add", "self"),
        connections=[
            join("number", "a"),
            join("a", "b"),
            join("b", "a"),
            join("self", "self"),
        ],
    )
    assert [problem[:2] for problem in found] == [("a", "connections"), ("self", "connections")]
    assert found[0][2].endswith("a, b")


def test_a_double_id_is_named() -> None:
    found = problems_of(tool("number"), tool("number"))
    assert [problem[:2] for problem in found] == [("number", "id")]


def test_two_connections_to_one_input_must_name_their_ports() -> None:
    tools = (tool("number", "a"), tool("number", "b"), tool("subtract"))
    loose = [join("a", "subtract"), join("b", "subtract")]
    assert ("subtract", "of") in [p[:2] for p in problems_of(*tools, connections=loose)]
    named = [join("a", "subtract"), join("b", "subtract", to_port="of")]
    graph = compile_pipeline({"tools": [*tools], "connections": named}, TOOLS)
    assert [(b.port, b.feeds) for b in graph.steps[2].bindings] == [
        ("of", ((1, "value"),)),
        ("less", ((0, "value"),)),
    ]


@pytest.mark.parametrize(
    ("connection", "parameter", "words"),
    [
        (join("number", "subtract", to_port="nose"), "to_port", "of, less"),
        (join("number", "subtract", from_port="nose"), "from_port", "it has value"),
        (join("number", "number"), "to", "a source takes no connection"),
    ],
)
def test_a_wrong_port_is_named(connection: dict[str, str], parameter: str, words: str) -> None:
    found = problems_of(tool("number"), tool("subtract"), connections=[connection])
    assert any(parameter == at and words in message for _, at, message in found)


def test_a_required_input_that_nothing_feeds_is_named() -> None:
    connections = [join("number", "subtract", to_port="less")]
    found = problems_of(tool("number"), tool("subtract"), connections=connections)
    assert [problem[:2] for problem in found] == [("subtract", "of")]


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        "pipeline",
        {},
        {"tools": []},
        {"tools": "number"},
        {"tools": [None]},
        {"tools": [{"parameters": {}}]},
        {"tools": [{"name": "number", "parameters": [1]}]},
        {"tools": [{"name": "number", "id": "a b"}]},
        {"tools": [{"name": "number"}], "connections": [{"from": "number"}]},
        {"tools": [{"name": 7}], "connections": {}},
    ],
)
def test_a_malformed_pipeline_is_explained(raw: object) -> None:
    with pytest.raises(PipelineError) as caught:
        compile_pipeline(raw, TOOLS)
    assert all(problem.parameter and problem.message for problem in caught.value.problems)


def wire_up(size: int, edges: list[tuple[int, int]]) -> dict[str, Any]:
    """A pipeline of adders fed by one number, with edges from lower to higher numbers."""
    keys = [f"t{index}" for index in range(size)]
    joins = [join(keys[min(pair)], keys[max(pair)]) for pair in edges if pair[0] != pair[1]]
    fed = {connection["to"] for connection in joins}
    joins += [join("n", key) for key in keys if key not in fed]
    return {"tools": [tool("number", "n"), *(tool("add", k) for k in keys)], "connections": joins}


graphs = st.integers(1, 12).flatmap(
    lambda size: st.builds(
        wire_up,
        st.just(size),
        st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=30),
    )
)


def shape(graph: Graph) -> list[tuple[Any, ...]]:
    return [(step.id, step.bindings, step.release) for step in graph.steps]


@given(graphs, st.randoms())
def test_the_order_in_which_a_pipeline_is_written_means_nothing(raw: Any, random: Any) -> None:
    shuffled = {key: random.sample(value, len(value)) for key, value in raw.items()}
    assert shape(compile_pipeline(raw, TOOLS)) == shape(compile_pipeline(shuffled, TOOLS))


@given(graphs)
def test_every_input_is_ready_and_not_yet_released_when_its_step_runs(raw: Any) -> None:
    graph = compile_pipeline(raw, TOOLS)
    released: set[int] = set()
    for index, step in enumerate(graph.steps):
        needed = {source for binding in step.bindings for source, _ in binding.feeds}
        assert all(source < index for source in needed)
        assert not needed & released
        released |= set(step.release)
    assert released == set(range(len(graph.steps)))


@given(graphs, st.data())
def test_a_circle_is_found_wherever_it_is_closed(raw: Any, data: Any) -> None:
    forward = [c for c in raw["connections"] if c["from"] != "n"]
    if not forward:
        return
    chosen = data.draw(st.sampled_from(forward))
    raw["connections"].append(join(chosen["to"], chosen["from"]))
    with pytest.raises(PipelineError) as caught:
        compile_pipeline(raw, TOOLS)
    assert [p.parameter for p in caught.value.problems] == ["connections"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(
    st.fixed_dictionaries(
        {
            "tools": st.lists(
                st.fixed_dictionaries(
                    {"name": st.sampled_from([*TOOLS, "x"]) | anything, "parameters": anything}
                )
                | anything,
                max_size=4,
            )
            | anything,
            "connections": st.lists(
                st.fixed_dictionaries(
                    {"from": st.sampled_from([*TOOLS]), "to": st.sampled_from([*TOOLS])}
                )
                | anything,
                max_size=4,
            )
            | anything,
        }
    )
    | anything
)
def test_whatever_is_sent_is_compiled_or_explained(raw: Any) -> None:
    with suppress(PipelineError):
        compile_pipeline(raw, TOOLS)
