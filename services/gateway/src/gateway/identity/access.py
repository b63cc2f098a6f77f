"""What the gateway's own endpoints need: the caller that the edge has verified, and the parts."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import Depends
from fastapi.requests import HTTPConnection

from common.auth import Principal
from common.errors import Forbidden, Unauthorized
from gateway.identity.revocations import Revocations
from gateway.identity.service import Identity
from gateway.identity.tokens import TokenIssuer
from gateway.identity.verifier import CredentialVerifier

PRINCIPAL_KEY: Final = "gemba.principal"


async def current_caller(connection: HTTPConnection) -> Principal:
    """The caller that the edge put on the scope.

    Raises:
        Unauthorized: the request came without a credential.
    """
    principal: Principal | None = connection.scope.get(PRINCIPAL_KEY)
    if principal is None:
        raise Unauthorized()
    return principal


Caller = Annotated[Principal, Depends(current_caller)]


def demand(permission: str) -> Callable[..., Awaitable[Principal]]:
    """A dependency that lets in only callers with this permission."""

    async def dependency(caller: Caller) -> Principal:
        if not caller.has(permission):
            raise Forbidden(details={"required": permission})
        return caller

    return dependency


Admin = Annotated[Principal, Depends(demand("*"))]


def _part(name: str) -> Callable[[HTTPConnection], Awaitable[Any]]:
    async def dependency(connection: HTTPConnection) -> Any:
        return getattr(connection.app.state, name)

    return dependency


IdentityPart = Annotated[Identity, Depends(_part("identity"))]
IssuerPart = Annotated[TokenIssuer, Depends(_part("issuer"))]
VerifierPart = Annotated[CredentialVerifier, Depends(_part("credentials"))]
RevocationsPart = Annotated[Revocations, Depends(_part("revocations"))]
