"""The errors of this service (contract, chapters 2 and 6)."""

from typing import Any

from common.errors import AlreadyExists, BadRequest, Conflict, NotFound, ServiceError, Unprocessable


class WorkerGone(NotFound):
    """There is no such worker."""

    def __init__(self, worker_id: str) -> None:
        super().__init__(f"Worker {worker_id} not found", details={"worker_id": worker_id})


class ZoneGone(NotFound):
    """There is no such zone."""

    def __init__(self, zone_id: str) -> None:
        super().__init__(f"Zone {zone_id} not found", details={"zone_id": zone_id})


class CameraGone(NotFound):
    """There is no such camera."""

    def __init__(self, camera_id: str) -> None:
        super().__init__(f"Camera {camera_id} not found", details={"camera_id": camera_id})


class SessionGone(NotFound):
    """There is no such session."""

    def __init__(self, session_id: str) -> None:
        super().__init__(f"Session {session_id} not found", details={"session_id": session_id})


class AlertGone(NotFound):
    """There is no such alert."""

    def __init__(self, alert_id: int) -> None:
        super().__init__(f"Alert {alert_id} not found", details={"alert_id": alert_id})


class AnomalyGone(NotFound):
    """There is no such anomaly."""

    def __init__(self, anomaly_id: int) -> None:
        super().__init__(f"Anomaly {anomaly_id} not found", details={"anomaly_id": anomaly_id})


class Taken(AlreadyExists):
    """An id or a badge is in use."""

    def __init__(self, noun: str, identity: str) -> None:
        super().__init__(f"{noun} {identity} already exists", details={noun.lower(): identity})


class BadField(Unprocessable):
    """A field of the body is well-formed, but wrong; the rule is named."""

    def __init__(self, name: str, rule: str, **details: Any) -> None:
        super().__init__(
            f"Invalid value for '{name}': {rule}", fields={name: [rule]}, details=details
        )


class BadParameter(BadRequest):
    """A query parameter is wrong."""

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(f"Invalid value for '{name}': {rule}", fields={name: [rule]})


class CameraOffline(ServiceError):
    """The camera gives no picture now."""

    status = 503
    code = "CAMERA_OFFLINE"

    def __init__(self, camera_id: str) -> None:
        super().__init__(
            f"Camera {camera_id} is offline or unreachable", details={"camera_id": camera_id}
        )


class NotUnderstood(Unprocessable):
    """The question asks for a time or a thing that cannot be."""


class InferenceFailed(ServiceError):
    """The language model was asked for, and gives no answer."""

    status = 503
    code = "INFERENCE_ERROR"
    message = "The language model does not answer right now."


class AlreadyEnded(Conflict):
    """It has come to its end."""
