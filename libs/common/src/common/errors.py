"""The errors that a client may see, raised beside the rule, rendered by family (contract, ch. 2).

Each carries an English text and, where the Portuguese family can show it, a Portuguese one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

FieldErrors = Mapping[str, Sequence[str]]


class ServiceError(Exception):
    """Something that the client is told; never raised for what only an operator can mend."""

    status = 500
    code = "INTERNAL_ERROR"
    message = "Something went wrong on our side. The request id finds it in the logs."
    message_pt = "Erro interno. O identificador da requisição o localiza nos registros."

    def __init__(
        self,
        message: str | None = None,
        *,
        message_pt: str | None = None,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
        fields: FieldErrors | None = None,
        fields_pt: FieldErrors | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.is_specific = message is not None
        self.message = message or type(self).message
        self.message_pt = message_pt or (message if message else type(self).message_pt)
        self.code = code or type(self).code
        self.details = dict(details or {})
        self.fields = dict(fields or {})
        self.fields_pt = dict(fields_pt or self.fields)
        self.headers = dict(headers or {})
        super().__init__(self.message)


class BadRequest(ServiceError):
    """The request cannot be understood as it stands."""

    status = 400
    code = "VALIDATION_ERROR"
    message = "The request is not valid."
    message_pt = "Requisição inválida."


class Unprocessable(ServiceError):
    """Well-formed, but it cannot be done: an unknown reference, a broken graph."""

    status = 422
    code = "VALIDATION_ERROR"
    message = "The request cannot be processed."
    message_pt = "A requisição não pode ser processada."


class ValidationFailed(ServiceError):
    """Fields of the wrong type or out of range; the family decides between 400 and 422."""

    status = 422
    code = "VALIDATION_ERROR"
    message = "The request is not valid."
    message_pt = "Parâmetros ausentes ou inválidos."

    def __init__(
        self,
        message: str | None = None,
        *,
        fields: FieldErrors,
        fields_pt: FieldErrors | None = None,
        in_body: bool = True,
    ) -> None:
        self.in_body = in_body
        super().__init__(message, fields=fields, fields_pt=fields_pt)


class MalformedBody(ValidationFailed):
    """The body is no JSON at all, or holds NaN, Infinity or a NUL character."""

    message = "The body is not valid JSON."
    message_pt = "O corpo não é um JSON válido."

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The body is not valid JSON: {reason}", fields={})


class Unauthorized(ServiceError):
    """No credential was sent."""

    status = 401
    code = "AUTH_INVALID_TOKEN"
    message = "Authentication credentials were not provided."
    message_pt = "Autenticação necessária."

    def __init__(self, message: str | None = None, **more: Any) -> None:
        super().__init__(message, **more)
        self.headers.setdefault("WWW-Authenticate", "Bearer")


class InvalidToken(Unauthorized):
    """A credential was sent, and it is forged, expired, revoked or unknown."""

    message = "The token is invalid or has expired."
    message_pt = "Autenticação inválida."


class InvalidCredentials(Unauthorized):
    """User name and password do not belong together."""

    code = "AUTH_INVALID_CREDENTIALS"
    message = "No active account found with the given credentials"
    message_pt = "Usuário ou senha inválidos."


class Forbidden(ServiceError):
    """The caller is known and may not do this."""

    status = 403
    code = "AUTH_INSUFFICIENT_PERMISSIONS"
    message = "You do not have permission to perform this action."
    message_pt = "Você não tem permissão para executar esta ação."


class NotFound(ServiceError):
    """There is no such thing, or the caller may not know of it."""

    status = 404
    code = "RESOURCE_NOT_FOUND"
    message = "Not found."
    message_pt = "Recurso não encontrado."


class MethodNotAllowed(ServiceError):
    """The path exists, this method on it does not."""

    status = 405
    code = "METHOD_NOT_ALLOWED"
    message = "This method is not allowed here."
    message_pt = "Método não permitido."


class Conflict(ServiceError):
    """The state of the thing does not admit this move."""

    status = 409
    code = "CONFLICT"
    message = "This conflicts with the present state."
    message_pt = "Conflito com o estado atual."


class AlreadyExists(Conflict):
    """A thing with this id, name or badge is there already."""

    code = "RESOURCE_ALREADY_EXISTS"
    message = "A resource with this id already exists."
    message_pt = "Já existe um recurso com este identificador."


class PayloadTooLarge(ServiceError):
    """The body is over the limit of its path."""

    status = 413
    code = "PAYLOAD_TOO_LARGE"
    message = "The body is larger than this path takes."
    message_pt = "O corpo da requisição excede o limite."


class HeadersTooLarge(ServiceError):
    """The request's headers are over the limit."""

    status = 431
    code = "VALIDATION_ERROR"
    message = "The request's headers are too large."
    message_pt = "Os cabeçalhos da requisição excedem o limite."


class RateLimited(ServiceError):
    """The bucket of this principal is empty."""

    status = 429
    code = "RATE_LIMIT_EXCEEDED"

    def __init__(self, *, limit: int, window: str, retry_after_s: int) -> None:
        super().__init__(
            f"Rate limit exceeded. Please retry after {retry_after_s} seconds.",
            message_pt=f"Limite de requisições excedido. Tente novamente em {retry_after_s} s.",
            details={"limit": limit, "window": window, "retry_after": retry_after_s},
            headers={"Retry-After": str(retry_after_s)},
        )
        self.retry_after_s = retry_after_s


class Unavailable(ServiceError):
    """A part that is needed does not answer now; the same request may succeed later."""

    status = 503
    code = "UPSTREAM_UNAVAILABLE"
    message = "The service is not available right now."
    message_pt = "O serviço não está disponível no momento."

    def __init__(self, message: str | None = None, *, retry_after_s: int = 2, **more: Any) -> None:
        super().__init__(message, **more)
        self.headers.setdefault("Retry-After", str(retry_after_s))


class DatabaseUnavailable(Unavailable):
    """PostgreSQL does not answer."""

    code = "DATABASE_ERROR"
    message = "The database does not answer right now."
    message_pt = "O banco de dados não responde no momento."


class UpstreamTimeout(Unavailable):
    """The service took longer than its path allows."""

    status = 504
    message = "The service did not answer in time."
    message_pt = "O serviço não respondeu a tempo."


class BadUpstream(Unavailable):
    """The service broke off in the middle of its answer."""

    status = 502
    message = "The service broke off its answer."
    message_pt = "O serviço interrompeu a resposta."


_BY_STATUS: dict[int, type[ServiceError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    409: Conflict,
    413: PayloadTooLarge,
    422: Unprocessable,
    503: Unavailable,
}


def error_for_status(status: int, *, headers: Mapping[str, str] | None = None) -> ServiceError:
    """The error of the house for a bare status, such as a router's own 404 or 405."""
    kind = _BY_STATUS.get(status, BadRequest if 400 <= status < 500 else ServiceError)
    return kind(headers=headers)
