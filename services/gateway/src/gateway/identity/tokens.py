"""Signs and reads tokens: access tokens for users, short-lived mesh tokens for the services."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from jose import JWTError, jwk, jwt

from common.auth import ALGORITHM, ISSUER, MESH_AUDIENCE, SERVICE_ROLE, Principal
from common.errors import InvalidToken

ACCESS_AUDIENCE: Final = "gemba"
_MESH_TOKEN_S: Final = 120
_SERVICE_TOKEN_S: Final = 600
_PEM_END: Final = b"-----END "


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key pair of the gateway."""

    key_id: str
    private_pem: str
    public: Mapping[str, Any]


class SigningKeys:
    """The keys of the key file: the first signs, every one of them verifies."""

    def __init__(self, path: Path) -> None:
        keys = [_read_key(pem) for pem in _split_pems(path.read_bytes())]
        if not keys:
            raise ValueError(f"{path.name} holds no private key")
        self.signer = keys[0]
        self.by_id = {key.key_id: key for key in keys}

    def jwks(self) -> dict[str, Any]:
        """The public halves, as `/.well-known/jwks.json` shows them."""
        return {"keys": [dict(key.public) for key in self.by_id.values()]}


def _split_pems(content: bytes) -> list[bytes]:
    pems: list[bytes] = []
    current: list[bytes] = []
    for line in content.splitlines():
        current.append(line)
        if line.startswith(_PEM_END):
            pems.append(b"\n".join(current))
            current = []
    return pems


def _read_key(pem: bytes) -> SigningKey:
    private = load_pem_private_key(pem, password=None)
    if not isinstance(private, EllipticCurvePrivateKey) or not isinstance(private.curve, SECP256R1):
        raise ValueError("signing keys must be EC P-256")
    public_key = private.public_key()
    digest = hashes.Hash(hashes.SHA256())
    digest.update(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    key_id = digest.finalize().hex()[:16]
    public_pem = public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    public = jwk.construct(public_pem.decode(), ALGORITHM).to_dict()
    return SigningKey(
        key_id=key_id,
        private_pem=private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode(),
        public={**public, "kid": key_id, "use": "sig", "alg": ALGORITHM},
    )


class TokenIssuer:
    """Issues the tokens of the mesh and reads the users' ones."""

    def __init__(self, keys: SigningKeys, *, clock: Callable[[], float] = time.time) -> None:
        self.keys = keys
        self._clock = clock
        self._mesh: dict[Principal, tuple[str, float]] = {}

    def access_token(self, principal: Principal, *, lifetime_s: int) -> str:
        """A user's access token for one session."""
        return self._sign(principal, audience=ACCESS_AUDIENCE, lifetime_s=lifetime_s)

    def read_access_token(self, token: str) -> tuple[str, float]:
        """The session id of a valid access token, and when it expires.

        Raises:
            InvalidToken: forged, expired, of another audience or algorithm.
        """
        try:
            key = self.keys.by_id[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(
                token,
                dict(key.public),
                algorithms=[ALGORITHM],
                audience=ACCESS_AUDIENCE,
                issuer=ISSUER,
            )
            return str(claims["sid"]), float(claims["exp"])
        except (JWTError, KeyError, TypeError) as error:
            raise InvalidToken() from error

    def mesh_token(self, principal: Principal) -> str:
        """The token that the gateway forwards for a caller; reused for half of its life."""
        now = self._clock()
        kept = self._mesh.get(principal)
        if kept is not None and kept[1] > now:
            return kept[0]
        if len(self._mesh) > 10_000:
            self._mesh.clear()
        token = self._sign(principal, audience=MESH_AUDIENCE, lifetime_s=_MESH_TOKEN_S)
        self._mesh[principal] = (token, now + _MESH_TOKEN_S / 2)
        return token

    def service_token(self, service: str, *, audience: str) -> tuple[str, int]:
        """A token by which a service calls the mesh or one machine, and its life in seconds."""
        principal = Principal(
            subject=service,
            kind="service",
            name=service,
            role=SERVICE_ROLE,
            permissions=frozenset({"*"}),
            expires_at=0,
        )
        token = self._sign(principal, audience=audience, lifetime_s=_SERVICE_TOKEN_S)
        return token, _SERVICE_TOKEN_S

    def _sign(self, principal: Principal, *, audience: str, lifetime_s: int) -> str:
        now = int(self._clock())
        claims = {
            "iss": ISSUER,
            "aud": audience,
            "sub": principal.subject,
            "kind": principal.kind,
            "name": principal.name,
            "role": principal.role,
            "perms": sorted(principal.permissions),
            "sid": principal.session_id,
            "iat": now,
            "exp": now + lifetime_s,
        }
        signer = self.keys.signer
        return str(
            jwt.encode(claims, signer.private_pem, ALGORITHM, headers={"kid": signer.key_id})
        )
