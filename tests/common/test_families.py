"""Errors in each family's style (contract, chapter 2)."""

from datetime import datetime

import pytest

from common.errors import (
    Conflict,
    Forbidden,
    InvalidToken,
    MalformedBody,
    NotFound,
    RateLimited,
    ServiceError,
    Unauthorized,
    Unavailable,
    ValidationFailed,
    error_for_status,
)
from common.families import Family, family_of, render

FIELDS = {"name": ["Device name must be at least 3 characters long."]}


@pytest.mark.parametrize(
    ("path", "family"),
    [
        ("/api/v1/machines/", Family.ORCHESTRATOR),
        ("/api/v1/machines", Family.ORCHESTRATOR),
        ("/api/v1/machinesx", Family.TRACKING),
        ("/api/v1/webhooks/results/", Family.ORCHESTRATOR),
        ("/api/v1/workers", Family.TRACKING),
        ("/api/v1/auth/login", Family.TRACKING),
        ("/api/v1", Family.TRACKING),
        ("/api/v1/some-token/telemetry", Family.ORCHESTRATOR),
        ("/api/devices/1/", Family.DEVICES),
        ("/api/token/verify/", Family.DEVICES),
        ("/api/status/update", Family.PRINTERS),
        ("/api/print-jobs/1/metrics", Family.PRINTERS),
        ("/workers", Family.CLUSTER),
        ("/api/workers", Family.CLUSTER),
        ("/api/statuses", Family.CLUSTER),
        ("/health", Family.CLUSTER),
        ("/nonsense", Family.CLUSTER),
    ],
)
def test_each_path_belongs_to_one_family(path: str, family: Family) -> None:
    assert family_of(path) is family


def test_a_v1_error_has_code_message_details_and_time() -> None:
    error = NotFound("Worker W999 not found", details={"worker_id": "W999"})
    rendered = render(error, family=Family.TRACKING)
    body = rendered.body["error"]
    assert rendered.status == 404
    assert body["code"] == "RESOURCE_NOT_FOUND"
    assert body["message"] == "Worker W999 not found"
    assert body["details"] == {"worker_id": "W999"}
    assert datetime.fromisoformat(body["timestamp"]).tzinfo


@pytest.mark.parametrize(
    ("family", "in_body", "status"),
    [
        (Family.ORCHESTRATOR, True, 400),
        (Family.ORCHESTRATOR, False, 400),
        (Family.TRACKING, True, 422),
        (Family.TRACKING, False, 400),
        (Family.DEVICES, True, 400),
        (Family.PRINTERS, True, 400),
        (Family.CLUSTER, True, 422),
    ],
)
def test_a_bad_field_has_its_familys_status(family: Family, in_body: bool, status: int) -> None:
    error = ValidationFailed(fields=FIELDS, in_body=in_body)
    rendered = render(error, family=family)
    assert rendered.status == status
    assert "name" in str(rendered.body)


@pytest.mark.parametrize(
    ("error", "body"),
    [
        (ValidationFailed(fields=FIELDS), FIELDS),
        (NotFound(), {"detail": "Not found."}),
        (NotFound("Invalid page."), {"detail": "Invalid page."}),
        (Unauthorized(), {"detail": "Authentication credentials were not provided."}),
        (
            InvalidToken(),
            {"detail": "Given token not valid for any token type", "code": "token_not_valid"},
        ),
        (Forbidden(), {"detail": "You do not have permission to perform this action."}),
        (
            RateLimited(limit=300, window="1 minute", retry_after_s=7),
            {"detail": "Request was throttled. Expected available in 7 seconds."},
        ),
        (MalformedBody("unexpected end"), {"detail": "JSON parse error - unexpected end"}),
    ],
)
def test_devices_errors_have_djangos_texts(error: ServiceError, body: dict[str, object]) -> None:
    assert render(error, family=Family.DEVICES).body == body


@pytest.mark.parametrize(
    ("accept_language", "message"),
    [
        ("", "Conflito com o estado atual."),
        ("pt-BR,pt;q=0.9,en;q=0.8", "Conflito com o estado atual."),
        ("en-US,en;q=0.9,pt;q=0.5", "This conflicts with the present state."),
        ("th", "Conflito com o estado atual."),
        ("en;q=nonsense", "Conflito com o estado atual."),
    ],
)
def test_printers_errors_are_portuguese_unless_english_is_preferred(
    accept_language: str, message: str
) -> None:
    rendered = render(Conflict(), family=Family.PRINTERS, accept_language=accept_language)
    assert rendered.body == {"success": False, "message": message}


def test_a_printers_validation_names_its_fields() -> None:
    rendered = render(ValidationFailed(fields={"progress": ["≤ 100"]}), family=Family.PRINTERS)
    assert rendered.status == 400
    assert rendered.body["errors"] == {"progress": ["≤ 100"]}
    assert "progress" in rendered.body["message"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 418, 422, 500, 503])
def test_every_status_has_an_error(status: int) -> None:
    error = error_for_status(status)
    assert error.status == (status if status != 418 else 400)


def test_an_unavailable_service_says_when_to_come_again() -> None:
    assert Unavailable().headers["Retry-After"] == "2"
