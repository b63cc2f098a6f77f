"""Inspections as the contract documents them: fields, states, codes."""

from copy import deepcopy
from typing import Any

import httpx
import pytest

from tests.orchestrator.conftest import PIPELINE, inspect, reaches, record_of
from tests.orchestrator.node import Node

# The example of the document, word by word but for its machine.
DOCUMENTED = {
    "name": "Inspeção de Qualidade A",
    "description": "Verificação de defeitos na linha A",
    "inspection_type": "blob_detection",
    "pipeline_config": PIPELINE,
    "priority": 2,
}
FIELDS = {
    "id", "name", "description", "inspection_type", "pipeline_config", "priority", "status",
    "target_machine_id", "machine_id", "created_at", "queued_at", "started_at", "completed_at",
    "attempt_count", "attempts", "results", "error_message", "artifacts",
}  # fmt: skip


def changed(**parameters: Any) -> dict[str, Any]:
    """The pipeline with other parameters of blob_detection."""
    pipeline = deepcopy(PIPELINE)
    pipeline["tools"][1]["parameters"] = parameters
    return pipeline


async def test_the_documented_inspection_runs_from_post_to_result(
    node: Node, admin: httpx.AsyncClient
) -> None:
    made = await admin.post(
        "/api/v1/inspections/", json={**DOCUMENTED, "target_machine_id": node.id}
    )
    assert made.status_code == 201
    record = made.json()
    assert record.keys() >= FIELDS
    assert record["id"].startswith("ins_")
    assert record["status"] == "pending"
    assert record["pipeline_config"] == PIPELINE

    assignment = await node.next()
    assert assignment.inspection_id == record["id"]
    assert assignment.machine_id == node.id
    assert assignment.priority == 2
    assert assignment.pipeline_config.model_dump(by_alias=True, exclude_unset=True) == PIPELINE
    assert node.identities[-1].startswith("Bearer ")
    record = await reaches(admin, record["id"], "assigned")
    assert record["attempts"][0]["outcome"] is None

    report = await node.report(assignment, "processing")
    assert report.json() == {"accepted": True, "status": "processing"}
    assert (await record_of(admin, record["id"]))["started_at"] is not None
    results = {
        "blob_count": 5,
        "blob_locations": [
            {"x": 100, "y": 150, "width": 50, "height": 30},
            {"x": 200, "y": 300, "width": 40, "height": 25},
        ],
        "processing_time": 2.3,
        "confidence_score": 0.95,
    }
    # As a machine reports that knows no leases: the documented fields alone.
    documented = {
        "machine_id": node.id,
        "inspection_id": record["id"],
        "status": "completed",
        "results": results,
        "error_message": None,
        "timestamp": "2025-08-13T20:10:00Z",
    }
    answer = await node.client.post("/api/v1/webhooks/results/", json=documented)
    assert answer.json() == {"accepted": True, "status": "completed"}
    record = await record_of(admin, record["id"])
    assert record["status"] == "completed"
    assert record["results"] == results
    assert record["completed_at"].endswith("Z")
    assert record["attempt_count"] == 1
    (attempt,) = record["attempts"]
    assert attempt["outcome"] == "completed"
    assert attempt["machine_id"] == node.id


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 201),
        ("inspection_type", None),
        ("inspection_type", "a b"),
        ("pipeline_config", None),
        ("pipeline_config", {"tools": []}),
        ("pipeline_config", {"tools": [{"parameters": {}}]}),
        ("pipeline_config", {"tools": "image_source"}),
        ("priority", 0),
        ("priority", 11),
        ("priority", "urgent"),
        ("strategy", "random"),
        ("auto_distribute", "maybe"),
    ],
)
async def test_a_wrong_field_is_400_and_named(
    admin: httpx.AsyncClient, field: str, value: object
) -> None:
    answer = await admin.post("/api/v1/inspections/", json={**DOCUMENTED, field: value})
    assert answer.status_code == 400, answer.text
    fields = answer.json()["error"]["details"]["fields"]
    assert any(name.startswith(field) for name in fields)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"name": NaN}', b'{"name": "\\u0000"}', b"\xff\xfe"]
)
async def test_a_body_that_is_no_json_object_is_400(admin: httpx.AsyncClient, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    for path in ("inspections", "machines", "webhooks/results", "orchestrator/distribute"):
        answer = await admin.post(f"/api/v1/{path}/", content=body, headers=headers)
        assert answer.status_code == 400, (path, answer.text)
        assert answer.json()["error"]["code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize(
    ("pipeline", "tool", "parameter"),
    [
        (changed(threshold=999), "blob_detection", "threshold"),
        (changed(treshold=1), "blob_detection", "treshold"),
        (changed(polarity="upside"), "blob_detection", "polarity"),
        (
            {**PIPELINE, "tools": [{"name": "image_source", "parameters": {}},
                                   PIPELINE["tools"][1]]},
            "image_source",
            "source_type",
        ),
        (
            {"tools": [PIPELINE["tools"][0], {"name": "telepathy"}],
             "connections": [{"from": "image_source", "to": "telepathy"}]},
            "telepathy",
            "name",
        ),
        ({**PIPELINE, "connections": []}, "blob_detection", "connections"),
        ({**PIPELINE, "tools": [*PIPELINE["tools"], PIPELINE["tools"][1]]},
         "blob_detection", "id"),
        (
            {"tools": [*PIPELINE["tools"], {"name": "limit"}, {"name": "color_filter"}],
             "connections": [*PIPELINE["connections"],
                             {"from": "image_source", "to": "limit"},
                             {"from": "image_source", "to": "color_filter"}]},
            "limit",
            "value",
        ),
        (
            {"tools": [PIPELINE["tools"][0], {"name": "edge_detection"}, {"name": "color_filter"}],
             "connections": [{"from": "edge_detection", "to": "color_filter"},
                             {"from": "color_filter", "to": "edge_detection"}]},
            "color_filter",
            "connections",
        ),
        ({**PIPELINE, "connections": [{"from": "nobody", "to": "blob_detection"}]},
         "blob_detection", "from"),
        (
            {**PIPELINE, "tools": [
                {"name": "image_source",
                 "parameters": {"source_type": "upload", "image_id": "img_000000000000"}},
                PIPELINE["tools"][1]]},
            "image_source",
            "image_id",
        ),
    ],
)  # fmt: skip
async def test_a_pipeline_that_cannot_run_is_422_and_names_tool_and_parameter(
    node: Node, admin: httpx.AsyncClient, pipeline: dict[str, Any], tool: str, parameter: str
) -> None:
    answer = await admin.post(
        "/api/v1/inspections/", json={**DOCUMENTED, "pipeline_config": pipeline}
    )
    assert answer.status_code == 422, answer.text
    details = answer.json()["error"]["details"]
    assert (tool, parameter) in [(one["tool"], one["parameter"]) for one in details["errors"]]
    verdict = await admin.post("/api/v1/pipelines/validate/", json={"pipeline_config": pipeline})
    assert verdict.status_code == 200
    assert verdict.json() == {"valid": False, "errors": details["errors"]}


async def test_a_sound_pipeline_is_valid_and_a_malformed_one_is_judged_too(
    node: Node, admin: httpx.AsyncClient
) -> None:
    path = "/api/v1/pipelines/validate/"
    sound = await admin.post(path, json={"pipeline_config": PIPELINE})
    assert sound.json() == {"valid": True, "errors": []}
    broken_ones: list[Any] = [
        {},
        {"tools": [{"name": 5}]},
        "x",
        [],
        {"tools": [], "connections": 3},
    ]
    for broken in broken_ones:
        verdict = await admin.post(path, json={"pipeline_config": broken})
        assert verdict.status_code == 200, broken
        assert verdict.json()["valid"] is False
        assert verdict.json()["errors"]
    assert (await admin.post(path, json={})).status_code == 400


async def test_a_tool_used_twice_goes_by_its_ids(node: Node, admin: httpx.AsyncClient) -> None:
    pipeline = {
        "tools": [
            PIPELINE["tools"][0],
            {"name": "edge_detection", "id": "fine"},
            {"name": "edge_detection", "id": "coarse"},
        ],
        "connections": [
            {"from": "image_source", "to": "fine"},
            {"from": "fine", "to": "coarse", "from_port": "image", "to_port": "image"},
        ],
    }
    made = await inspect(admin, pipeline_config=pipeline)
    assert made["pipeline_config"] == pipeline
    await node.complete(await node.next())


async def test_unknown_things_in_a_body_are_422_and_in_a_path_404(
    admin: httpx.AsyncClient,
) -> None:
    for field, value in (
        ("target_machine_id", "mv_000000000000"),
        ("preferred_machines", ["mv_000000000000"]),
    ):
        answer = await admin.post("/api/v1/inspections/", json={**DOCUMENTED, field: value})
        assert answer.status_code == 422
        assert field in answer.json()["error"]["details"]["fields"]
    nowhere = "/api/v1/inspections/ins_000000000000/"
    assert (await admin.get(nowhere)).status_code == 404
    assert (await admin.patch(nowhere, json={})).status_code == 404
    assert (await admin.delete(nowhere)).status_code == 404
    for action in ("send", "cancel", "retry"):
        body = {"target_machine_id": "mv_000000000000"}
        answer = await admin.post(f"{nowhere}{action}/", json=body)
        assert answer.status_code == 404
    gone = await admin.get(f"{nowhere}artifacts/overlay.jpg")
    assert gone.status_code == 404
    assert gone.json()["error"]["code"] == "RESOURCE_NOT_FOUND"


async def test_inspections_are_listed_by_filters(node: Node, admin: httpx.AsyncClient) -> None:
    done = await inspect(admin, inspection_type="edge_detection")
    await node.complete(await node.next(), overlay={"shapes": []}, tools={"a": {}})
    waiting = await inspect(admin, auto_distribute=False)

    async def ids(**chosen: str) -> list[str]:
        answer = await admin.get("/api/v1/inspections/", params=chosen)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["results"]]

    assert (await ids())[:2] == [waiting["id"], done["id"]]
    assert await ids(machine_id=node.id) == [done["id"]]
    assert done["id"] in await ids(inspection_type="edge_detection", status="completed")
    assert done["id"] not in await ids(status="pending")
    assert waiting["id"] in await ids(created_after=waiting["created_at"])
    assert waiting["id"] in await ids(created_after="2025-01-01")
    assert done["id"] not in await ids(created_after=waiting["created_at"])
    listed = await admin.get("/api/v1/inspections/", params={"machine_id": node.id})
    results = listed.json()["results"][0]["results"]
    assert results == {"blob_count": 5, "processing_time": 0.01}
    for wrong in ({"status": "lost"}, {"created_after": "yesterday"}):
        assert (await admin.get("/api/v1/inspections/", params=wrong)).status_code == 400


async def test_an_inspection_is_changed_only_while_it_waits(
    node: Node, admin: httpx.AsyncClient
) -> None:
    made = await inspect(admin, auto_distribute=False)
    path = f"/api/v1/inspections/{made['id']}/"
    patched = await admin.patch(path, json={"priority": 1, "location": "Linha A"})
    assert patched.status_code == 200
    assert patched.json()["priority"] == 1
    assert patched.json()["pipeline_config"] == PIPELINE
    replaced = await admin.put(path, json={**DOCUMENTED, "priority": 7})
    assert replaced.json()["priority"] == 7
    assert replaced.json()["location"] == ""
    broken = await admin.patch(path, json={"pipeline_config": changed(threshold=999)})
    assert broken.status_code == 422
    assert (await admin.patch(path, json={"priority": None})).status_code == 400

    await admin.post("/api/v1/orchestrator/distribute/", json={"inspection_id": made["id"]})
    assignment = await node.next()
    assert (await admin.patch(path, json={"priority": 3})).status_code == 409
    assert (await admin.patch(path, json={"name": "Lote 7"})).json()["name"] == "Lote 7"
    assert (await admin.delete(path)).status_code == 409
    await node.complete(assignment)
    assert (await admin.patch(path, json={"pipeline_config": changed()})).status_code == 409
    same = await admin.put(path, json={**DOCUMENTED, "priority": 7})
    assert same.status_code == 200
    assert (await admin.delete(path)).status_code == 204
    assert (await admin.get(path)).status_code == 404


async def test_a_finished_inspection_admits_no_further_move(
    node: Node, admin: httpx.AsyncClient
) -> None:
    made = await inspect(admin)
    path = f"/api/v1/inspections/{made['id']}/"
    await node.complete(await node.next())
    for action, body in (
        ("cancel", {}),
        ("retry", {}),
        ("send", {"target_machine_id": node.id}),
    ):
        answer = await admin.post(f"{path}{action}/", json=body)
        assert answer.status_code == 409, action
        assert answer.json()["error"]["code"] == "CONFLICT"
    again = await admin.post("/api/v1/orchestrator/distribute/", json={"inspection_id": made["id"]})
    assert again.status_code == 409


async def test_a_failed_inspection_says_why_and_can_be_retried(
    node: Node, admin: httpx.AsyncClient
) -> None:
    made = await inspect(admin)
    assignment = await node.next()
    reason = "image_source: the file is cut short"
    where = {"failed_tool": "image_source"}
    await node.report(assignment, "failed", error_message=reason, results=where)
    record = await record_of(admin, made["id"])
    assert record["status"] == "failed"
    assert record["error_message"] == reason
    assert record["attempts"][0]["error"] == reason
    retried = await admin.post(f"/api/v1/inspections/{made['id']}/retry/")
    assert retried.status_code == 200
    assert retried.json()["status"] == "pending"
    assert retried.json()["error_message"] is None
    assert retried.json()["results"] is None
    listed = await admin.get("/api/v1/inspections/")
    assert made["id"] in [one["id"] for one in listed.json()["results"]]
    second = await node.next()
    assert second.lease.attempt == 2
    await node.complete(second)
    record = await record_of(admin, made["id"])
    assert [one["outcome"] for one in record["attempts"]] == ["failed", "completed"]


async def test_live_sources_make_an_inspection_continuous(
    node: Node, admin: httpx.AsyncClient
) -> None:
    def watching(**source: Any) -> dict[str, Any]:
        tools = [{"name": "image_source", "parameters": source}, {"name": "blob_detection"}]
        return {**PIPELINE, "tools": tools}

    for source, is_continuous in (
        ({"source_type": "camera", "device": 0}, True),
        ({"source_type": "rtsp", "url": "rtsp://camera/1"}, True),
        ({"source_type": "video", "file_path": "a.mp4", "loop": True}, True),
        ({"source_type": "sample", "name": "blobs"}, False),
    ):
        made = await inspect(admin, pipeline_config=watching(**source), auto_distribute=False)
        assert made["is_continuous"] is is_continuous
