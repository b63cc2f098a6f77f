"""What identity says and hears on the wire (tracking.md, cluster.md, devices.md; chapter 3)."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from common.auth import MESH_AUDIENCE
from gateway.identity.roles import Role

Username = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.@+-]+$")
]
# argon2 reads all of it, so its length is bounded; the text is the user's business.
NewPassword = Annotated[str, StringConstraints(min_length=8, max_length=256)]
GivenPassword = Annotated[str, StringConstraints(min_length=1, max_length=256)]
PersonName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class LoginRequest(BaseModel):
    """User name and password, at any of the doors; what nobody is called fails as a login."""

    username: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    password: GivenPassword


class UserSummary(BaseModel):
    """A user as the login answer shows them."""

    user_id: str
    name: str
    role: str
    permissions: list[str]


class LoginResponse(BaseModel):
    """`POST /api/v1/auth/login`."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int
    user: UserSummary


class AccessResponse(BaseModel):
    """`POST /api/v1/auth/refresh` and `POST /auth/login`."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int


class RefreshRequest(BaseModel):
    """`POST /api/v1/auth/refresh`."""

    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=512)]


class MessageResponse(BaseModel):
    """A sentence."""

    message: str


class TokenPair(BaseModel):
    """`POST /api/token/`."""

    access: str
    refresh: str


class TokenRefreshRequest(BaseModel):
    """`POST /api/token/refresh/`."""

    refresh: Annotated[str, StringConstraints(min_length=1, max_length=512)]


class TokenRefreshResponse(BaseModel):
    """`POST /api/token/refresh/`."""

    access: str


class TokenVerifyRequest(BaseModel):
    """`POST /api/token/verify/`."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=8192)]


class Empty(BaseModel):
    """`{}`."""


class ApiKeyRequest(BaseModel):
    """`POST /api/v1/auth/api-keys`."""

    name: PersonName
    permissions: Annotated[list[str], Field(min_length=1, max_length=100)]
    expires_at: AwareDatetime | None = None


class ApiKeyCreated(BaseModel):
    """The only answer that ever shows the key."""

    key_id: UUID
    api_key: str
    name: str
    permissions: list[str]
    created_at: datetime
    expires_at: datetime | None


class ApiKeyShown(BaseModel):
    """A key in the list, recognised by its prefix."""

    model_config = ConfigDict(from_attributes=True)

    key_id: UUID
    prefix: str
    name: str
    role: str
    permissions: list[str]
    created_by: str | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class ApiKeyList(BaseModel):
    """`GET /api/v1/auth/api-keys`."""

    total: int
    api_keys: list[ApiKeyShown]


class UserRequest(BaseModel):
    """`POST /api/v1/users`."""

    model_config = ConfigDict(extra="forbid")

    username: Username
    password: NewPassword
    name: PersonName
    role: Role


class UserChange(BaseModel):
    """`PATCH /api/v1/users/{username}`; what is absent stays."""

    model_config = ConfigDict(extra="forbid")

    password: NewPassword | None = None
    name: PersonName | None = None
    role: Role | None = None


class UserShown(BaseModel):
    """A user; never the password or its hash."""

    model_config = ConfigDict(from_attributes=True)

    username: str
    name: str
    role: str
    permissions: list[str]
    created_at: datetime
    updated_at: datetime


class UserList(BaseModel):
    """`GET /api/v1/users`."""

    total: int
    users: list[UserShown]


class Me(BaseModel):
    """`GET /auth/me`."""

    user_id: str
    username: str
    name: str
    role: str
    permissions: list[str]


class CsrfResponse(BaseModel):
    """`GET /auth/csrf-token`."""

    csrf_token: str
    expires_in: int


class ServiceTokenRequest(BaseModel):
    """`POST /internal/service-token`, by the services of the mesh."""

    service: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]
    secret: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    audience: Annotated[str, StringConstraints(pattern=r"^(mesh|machine:[a-z0-9_]{1,64})$")] = (
        MESH_AUDIENCE
    )


class BrowserSession(BaseModel):
    """`/auth/session`: who a browser is logged in as, the factory's zone, the MQTT door's port."""

    user: Me | None
    timezone: str
    mqtt_port: int
