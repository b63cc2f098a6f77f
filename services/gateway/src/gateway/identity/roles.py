"""What each role may do, and which permissions can be handed on (contract, chapter 3)."""

import re
from collections.abc import Iterable
from typing import Final, Literal

from common.auth import Principal
from common.errors import Forbidden, ValidationFailed

Role = Literal["admin", "supervisor", "viewer", "api_client", "machine"]
MACHINE: Final = "machine"
PERMISSIONS: Final[dict[str, frozenset[str]]] = {
    "admin": frozenset({"*"}),
    "supervisor": frozenset({"read", "write", "acknowledge_alerts", "view_reports"}),
    "viewer": frozenset({"read", "view_reports"}),
    "api_client": frozenset({"metrics:read", "zones:read"}),
    MACHINE: frozenset(
        {
            "machines:register",
            "machines:read",
            "webhooks:write",
            "images:read",
            "observations:write",
        }
    ),
}
_KNOWN: Final = re.compile(
    r"\*|read|write|delete|config|acknowledge_alerts|view_reports|machine"
    r"|[a-z][a-z_-]{1,30}:(read|write)"
)


def permissions_of_key(asked: Iterable[str], *, creator: Principal) -> tuple[Role, frozenset[str]]:
    """The role and permissions of a new API key.

    Args:
        asked: the permissions in the request, or `machine` alone for a vision node's key.
        creator: who makes the key; it can never hold more than they do.

    Raises:
        ValidationFailed: there is no such permission.
        Forbidden: the creator does not have it.
    """
    wanted = frozenset(asked)
    if unknown := sorted(p for p in wanted if not _KNOWN.fullmatch(p)):
        raise ValidationFailed(fields={"permissions": [f"unknown permission: {unknown[0]!r}"]})
    if MACHINE in wanted:
        if wanted != {MACHINE}:
            text = "'machine' is a role of its own and stands alone"
            raise ValidationFailed(fields={"permissions": [text]})
        if not creator.has("*"):
            raise Forbidden(details={"required": "*"})
        return MACHINE, PERMISSIONS[MACHINE]
    if missing := sorted(p for p in wanted if not creator.has(p)):
        raise Forbidden(
            f"A key cannot be given '{missing[0]}': you do not have it yourself.",
            details={"required": missing[0]},
        )
    return "api_client", wanted
