"""The four documented endpoints: every example, every code, every text."""

import asyncio
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.printers.conftest import Owner, enqueue, register

ENGLISH = {"Accept-Language": "en"}
LOCAL = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")


async def test_a_print_goes_from_start_to_its_end_as_documented(
    owner: Owner, admin: httpx.AsyncClient
) -> None:
    queue_id = await enqueue(admin)
    started = await owner.post("start", print_queue_id=queue_id)
    assert started.status_code == 200
    assert started.headers["X-Gemba-Verified"] == f"printer:{owner.printer_id}"
    job_id = started.json()["print_status_id"]
    assert started.json() == {
        "success": True,
        "message": "Status de impressão criado com sucesso",
        "print_status_id": job_id,
    }
    metrics = {
        "hotend_temp": 210.5,
        "bed_temp": 60.2,
        "speed_percentage": 100,
        "fan_speed_percentage": 80,
        "layer_height": 0.2,
        "current_layer": 50,
        "total_layers": 200,
        "filament_used_mm": 1250.5,
        "print_time_remaining_seconds": 3600,
    }
    updated = await owner.post(
        "update",
        print_status_id=job_id,
        status="printing",
        progress=25.5,
        message="Camada 50 de 200 concluída",
        metrics=metrics,
    )
    assert updated.status_code == 200
    body = updated.json()
    assert body["success"] is True
    assert body["message"] == "Status atualizado com sucesso"
    assert body["current_status"]["id"] == job_id
    assert body["current_status"]["status"] == "printing"
    assert body["current_status"]["progress_percentage"] == 25.5
    assert body["current_status"]["metrics"] == metrics

    listed = await owner.client.get(
        f"/api/status/printer/{owner.printer_id}", params={"api_key": owner.api_key}
    )
    assert listed.status_code == 200
    assert listed.json()["active_jobs_count"] == 1
    job = listed.json()["jobs"][0]
    assert (
        job
        | {
            "print_status_id": job_id,
            "status": "printing",
            "formatted_status": "Imprimindo",
            "progress_percentage": 25.5,
            "product_id": 789,
            "product_name": "Miniatura de Dragão",
            "model_file": "dragon.stl",
            "order_id": 123,
        }
        == job
    )
    assert LOCAL.fullmatch(job["started_at"])
    assert LOCAL.fullmatch(job["last_updated"])

    state = await owner.update(
        job_id, status="completed", progress=100, message="Impressão concluída com sucesso!"
    )
    assert state["formatted_status"] == "Concluído"
    assert state["message"] == "Impressão concluída com sucesso!"
    again = await owner.post("update", print_status_id=job_id, status="completed", progress=100)
    assert again.status_code == 200
    for change in ({"status": "printing"}, {"progress": 5}, {"message": "x"}):
        refused = await owner.post("update", print_status_id=job_id, **change)
        assert refused.status_code == 409
        assert refused.json()["success"] is False


async def test_times_are_local_and_have_utc_twins(owner: Owner, admin: httpx.AsyncClient) -> None:
    job_id = await owner.start(await enqueue(admin))
    state = await owner.update(
        job_id, status="printing", metrics={"print_time_remaining_seconds": 3600}
    )
    for name in ("started_at", "last_updated", "estimated_completion"):
        assert LOCAL.fullmatch(state[name])
        utc = datetime.fromisoformat(state[f"{name}_utc"])
        shown = datetime.fromisoformat(f"{state[name]}-03:00")
        assert abs((utc - shown).total_seconds()) < 1
    expected = datetime.fromisoformat(state["estimated_completion_utc"])
    assert abs((expected - datetime.now(UTC)).total_seconds() - 3600) < 10
    assert state["estimate_source"] == "printer"


async def test_a_print_is_shown_whole_to_its_printer_and_basic_to_others(
    owner: Owner, admin: httpx.AsyncClient
) -> None:
    job_id = await owner.start(await enqueue(admin))
    other = await register(admin)
    path = f"/api/status/{job_id}"
    whole = await owner.client.get(
        path, params={"api_key": owner.api_key, "printer_id": owner.printer_id}
    )
    assert whole.json()["model_file"] == "dragon.stl"
    by_header = await owner.client.get(
        path, params={"printer_id": owner.printer_id}, headers={"X-API-Key": owner.api_key}
    )
    assert by_header.json().keys() == whole.json().keys()
    assert (await admin.get(path)).json().keys() == whole.json().keys()
    strangers: list[dict[str, str]] = [
        {},
        {"api_key": "wrong", "printer_id": owner.printer_id},
        {"api_key": owner.api_key},
        {"api_key": other["api_key"], "printer_id": other["printer_id"]},
    ]
    for params in strangers:
        basic = await owner.client.get(path, params=params)
        assert basic.status_code == 200
        assert basic.json().keys() >= {
            "id", "status", "progress_percentage", "started_at", "estimated_completion",
        }  # fmt: skip
        assert "model_file" not in basic.json()
        assert "message" not in basic.json()
    for missing in ("999999", "0", "99999999999999", "abc"):
        answer = await owner.client.get(f"/api/status/{missing}")
        assert answer.status_code == 404, missing
        assert answer.json()["success"] is False


async def test_missing_and_wrong_keys(owner: Owner, admin: httpx.AsyncClient) -> None:
    queue_id = await enqueue(admin)
    for path, body in (
        ("start", {"print_queue_id": queue_id}),
        ("update", {"print_status_id": 1, "progress": 1}),
    ):
        url = f"/api/status/{path}"
        missing = await owner.client.post(url, json={"printer_id": owner.printer_id, **body})
        assert missing.status_code == 400
        assert missing.json()["errors"] == {"api_key": ["Este campo é obrigatório."]}
        wrong = await owner.client.post(
            url, json={"api_key": "wrong", "printer_id": owner.printer_id, **body}
        )
        assert wrong.status_code == 401
        assert wrong.json() == {"success": False, "message": "Autenticação inválida."}
        nobody = await owner.client.post(
            url, json={"api_key": owner.api_key, "printer_id": "nobody", **body}
        )
        assert nobody.status_code == 401
        by_header = await owner.client.post(
            url,
            json={"printer_id": owner.printer_id, **body},
            headers={"X-API-Key": owner.api_key},
        )
        assert by_header.status_code in (200, 404)
    path = f"/api/status/printer/{owner.printer_id}"
    assert (await owner.client.get(path)).status_code == 400
    assert (await owner.client.get(path, params={"api_key": "x"})).status_code == 401


@pytest.mark.parametrize(
    ("body", "field", "portuguese", "english"),
    [
        ({"progress": 101}, "progress", "Deve ser menor ou igual a 100.", "less than or equal"),
        ({"progress": -1}, "progress", "Deve ser maior ou igual a 0.", "greater than or equal"),
        ({"progress": "half"}, "progress", "Deve ser um número.", "valid number"),
        ({"status": "done"}, "status", "Deve ser um dos seguintes valores", "Input should be"),
        ({"message": 5}, "message", "Deve ser um texto.", "valid string"),
        ({"message": "x" * 1001}, "message", "no máximo 1000 caractere", "at most 1000"),
        ({"metrics": []}, "metrics", "Deve ser um objeto.", "dictionary"),
        ({"metrics": {"hotend_temp": 5000}}, "metrics.hotend_temp", "menor ou igual", "less than"),
        ({}, "body", "Forneça pelo menos um", "At least one"),
        ({"metrics": {}}, "body", "Forneça pelo menos um", "At least one"),
    ],
)
async def test_bad_fields_are_400_and_named(
    owner: Owner, body: dict[str, Any], field: str, portuguese: str, english: str
) -> None:
    answer = await owner.post("update", print_status_id=1, **body)
    assert answer.status_code == 400
    assert answer.json()["success"] is False
    assert answer.json()["message"] == f"Parâmetros ausentes ou inválidos: {field}."
    assert portuguese in answer.json()["errors"][field][0]
    full = {"api_key": owner.api_key, "printer_id": owner.printer_id, "print_status_id": 1, **body}
    answer = await owner.client.post("/api/status/update", json=full, headers=ENGLISH)
    assert answer.status_code == 400
    assert english in answer.json()["errors"][field][0]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"progress": NaN}', b'"x"', b"\xff"])
async def test_no_body_makes_a_5xx(owner: Owner, content: bytes) -> None:
    for path in ("start", "update"):
        answer = await owner.client.post(
            f"/api/status/{path}", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 400, answer.text
        assert answer.json()["success"] is False


async def test_unknown_things_and_other_printers_things(
    owner: Owner, admin: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    for unknown in (999_999, 0, -1, 2**40):
        assert (await owner.post("start", print_queue_id=unknown)).status_code == 404
        gone = await owner.post("update", print_status_id=unknown, progress=1)
        assert gone.status_code == 404
        assert gone.json()["message"] == "Status de impressão não encontrado."
    printer = await register(admin)
    other = Owner(stranger, printer["printer_id"], printer["api_key"])
    job_id = await owner.start(await enqueue(admin))
    assert (await other.post("update", print_status_id=job_id, progress=1)).status_code == 404
    assigned = await enqueue(admin, printer_id=other.printer_id)
    refused = await owner.post("start", print_queue_id=assigned)
    assert refused.status_code == 409
    assert refused.json()["message"] == "Este item da fila está atribuído a outra impressora."


async def test_of_many_starts_one_wins(owner: Owner, admin: httpx.AsyncClient) -> None:
    queue_id = await enqueue(admin)
    answers = await asyncio.gather(
        *(owner.post("start", print_queue_id=queue_id) for _ in range(10))
    )
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200] + [409] * 9
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json() == {
        "success": False,
        "message": "Já existe um status de impressão para este item da fila.",
    }


async def test_of_a_hundred_updates_at_once_the_last_by_time_stands(
    owner: Owner, admin: httpx.AsyncClient
) -> None:
    job_id = await owner.start(await enqueue(admin))
    began = datetime.now(UTC) + timedelta(seconds=1)
    order = list(range(100))
    secrets.SystemRandom().shuffle(order)
    answers = await asyncio.gather(
        *(
            owner.post(
                "update",
                print_status_id=job_id,
                status="paused" if number == 99 else "printing",
                progress=number / 2,
                message=f"{number}",
                timestamp=(began + timedelta(milliseconds=number)).isoformat(),
            )
            for number in order
        )
    )
    assert {answer.status_code for answer in answers} == {200}
    state = (await admin.get(f"/api/status/{job_id}")).json()
    assert (state["status"], state["progress_percentage"], state["message"]) == (
        "paused",
        49.5,
        "99",
    )


async def test_progress_goes_back_only_when_asked(owner: Owner, admin: httpx.AsyncClient) -> None:
    job_id = await owner.start(await enqueue(admin))
    await owner.update(job_id, status="printing", progress=60)
    behind = await owner.post("update", print_status_id=job_id, progress=40)
    assert behind.json()["current_status"]["progress_percentage"] == 60
    assert behind.json()["ignored"] == ["progress"]
    old = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    late = await owner.post(
        "update", print_status_id=job_id, status="preparing", progress=80, timestamp=old
    )
    assert late.json()["ignored"] == ["status", "progress"]
    assert late.json()["current_status"]["status"] == "printing"
    state = await owner.update(job_id, progress=5, progress_reset=True)
    assert state["progress_percentage"] == 5
    ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    refused = await owner.post("update", print_status_id=job_id, progress=6, timestamp=ahead)
    assert refused.status_code == 400
    assert "timestamp" in refused.json()["errors"]


async def test_full_progress_alone_completes_nothing(
    owner: Owner, admin: httpx.AsyncClient
) -> None:
    job_id = await owner.start(await enqueue(admin))
    state = await owner.update(job_id, status="printing", progress=100)
    assert state["status"] == "printing"
    assert (await owner.update(job_id, status="canceled"))["formatted_status"] == "Cancelado"


async def test_words_are_english_on_request(owner: Owner, admin: httpx.AsyncClient) -> None:
    queue_id = await enqueue(admin)
    body = {"api_key": owner.api_key, "printer_id": owner.printer_id, "print_queue_id": queue_id}
    await owner.client.post("/api/status/start", json=body, headers=ENGLISH)
    again = await owner.client.post("/api/status/start", json=body, headers=ENGLISH)
    assert again.json()["message"] == "This queue item has a print status already."
    listed = await owner.client.get(
        f"/api/status/printer/{owner.printer_id}",
        params={"api_key": owner.api_key},
        headers={"Accept-Language": "en-GB,en;q=0.9,pt;q=0.5"},
    )
    assert listed.json()["jobs"][0]["formatted_status"] == "Pending"
