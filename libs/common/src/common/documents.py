"""What a service's documentation says of errors: each operation's, in its path's family.

FastAPI documents one error, and not ours: every operation gets the shapes that `families` writes,
for all of 4xx and 5xx, and a test lets schemathesis compare them with what really comes.
"""

from typing import Any, Final

from common.families import Family, family_of

_TEXT: Final = {"type": "string"}
_V1: Final = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "details", "timestamp"],
            "properties": {
                "code": {**_TEXT, "examples": ["RESOURCE_NOT_FOUND"]},
                "message": _TEXT,
                "details": {"type": "object"},
                "timestamp": {**_TEXT, "format": "date-time"},
            },
        }
    },
}
_DEVICES: Final = {
    "type": "object",
    "description": "`detail`, or by field what is wrong with it.",
    "properties": {"detail": _TEXT, "code": _TEXT},
    "additionalProperties": {"type": "array", "items": _TEXT},
}
_PRINTERS: Final = {
    "type": "object",
    "required": ["success", "message"],
    "properties": {
        "success": {"type": "boolean", "const": False},
        "message": {**_TEXT, "description": "Portuguese, or English by Accept-Language."},
        "errors": {"type": "object", "additionalProperties": {"type": "array", "items": _TEXT}},
    },
}
_CLUSTER: Final = {
    "type": "object",
    "required": ["detail"],
    "properties": {
        "detail": {
            "anyOf": [
                _TEXT,
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["loc", "msg"],
                        "properties": {"loc": {"type": "array", "items": {}}, "msg": _TEXT},
                    },
                },
            ]
        }
    },
}
_SCHEMAS: Final[dict[Family, tuple[str, dict[str, Any]]]] = {
    Family.ORCHESTRATOR: ("Error", _V1),
    Family.TRACKING: ("Error", _V1),
    Family.DEVICES: ("DevicesError", _DEVICES),
    Family.PRINTERS: ("PrintersError", _PRINTERS),
    Family.CLUSTER: ("ClusterError", _CLUSTER),
}
# FastAPI's own, which none of our answers look like.
_FOREIGN: Final = ("HTTPValidationError", "ValidationError")


def with_errors(document: dict[str, Any]) -> dict[str, Any]:
    """The document, its operations' errors told as they are."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _FOREIGN:
        schemas.pop(name, None)
    for path, operations in document.get("paths", {}).items():
        name, schema = _SCHEMAS[family_of(path)]
        schemas[name] = schema
        answer = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        for operation in operations.values():
            responses = operation.get("responses", {})
            responses.pop("422", None)
            responses["4XX"] = {"description": "It is refused.", "content": answer}
            responses["5XX"] = {"description": "It cannot be done now.", "content": answer}
    return document
