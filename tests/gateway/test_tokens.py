"""Forged, stale and foreign tokens open nothing, at the gateway or at a service."""

import time

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk, jwt
from jose.utils import base64url_encode

from gemba_local.mesh import LocalMesh
from tests.callers import calling


@pytest.fixture(scope="package")
async def public_key(stranger: httpx.AsyncClient) -> dict[str, str]:
    """The gateway's key as everybody sees it."""
    answer = await stranger.get("/.well-known/jwks.json")
    keys = answer.json()["keys"]
    assert "d" not in keys[0]
    return dict(keys[0])


def claims(**other: object) -> dict[str, object]:
    now = int(time.time())
    return {
        "iss": "gemba", "aud": "gemba", "sub": "admin", "kind": "user", "role": "admin",
        "perms": ["*"], "sid": "00000000-0000-0000-0000-000000000000", "iat": now,
        "exp": now + 600, **other,
    }  # fmt: skip


def unsigned(key_id: str) -> str:
    header = base64url_encode(b'{"alg":"none","typ":"JWT","kid":"%s"}' % key_id.encode())
    body = jwt.encode(claims(), "x" * 32, "HS256").split(".")[1]
    return f"{header.decode()}.{body}."


def pem_of(public: dict[str, str]) -> bytes:
    pem: bytes = jwk.construct(public, "ES256").to_pem()
    return pem


def forgeries(public: dict[str, str], own_pem: str) -> dict[str, str]:
    headers = {"kid": public["kid"]}
    stranger = ec.generate_private_key(ec.SECP256R1())
    stranger_pem = stranger.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    # python-jose refuses a PEM as an HMAC secret, so the raw HMAC is made by hand.
    by_public = _hs256(claims(), secret=pem_of(public), key_id=public["kid"])
    return {
        "alg none": unsigned(public["kid"]),
        "HS256 by the public key": by_public,
        "another's key": jwt.encode(claims(), stranger_pem, "ES256", headers=headers),
        "unknown key id": jwt.encode(claims(), own_pem, "ES256", headers={"kid": "other"}),
        "no key id": jwt.encode(claims(), own_pem, "ES256"),
        "expired": jwt.encode(claims(exp=1), own_pem, "ES256", headers=headers),
        "another issuer": jwt.encode(claims(iss="evil"), own_pem, "ES256", headers=headers),
        "mesh audience": jwt.encode(claims(aud="mesh"), own_pem, "ES256", headers=headers),
        "no such session": jwt.encode(claims(), own_pem, "ES256", headers=headers),
        "no session": jwt.encode(claims(sid="x"), own_pem, "ES256", headers=headers),
        "no token at all": "abc",
        "not ASCII": "eyJ\xe9",
        "huge": "eyJ" + "x" * 20_000,
    }


def _hs256(content: dict[str, object], *, secret: bytes, key_id: str) -> str:
    import hashlib
    import hmac

    body = jwt.encode(content, "x" * 32, "HS256", headers={"kid": key_id})
    signed = ".".join(body.split(".")[:2])
    mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64url_encode(mac).decode()}"


async def test_no_forged_token_comes_in(
    stranger: httpx.AsyncClient, public_key: dict[str, str], pem: str
) -> None:
    for name, token in forgeries(public_key, pem).items():
        headers = {b"Authorization": b"Bearer " + token.encode("latin-1")}
        answer = await stranger.get("/auth/me", headers=headers)
        assert answer.status_code == 401, name
        answer = await stranger.get("/api/v1/workers", headers=headers)
        assert answer.json()["error"]["code"] == "AUTH_INVALID_TOKEN", name
        answer = await stranger.get("/api/devices/", headers=headers)
        assert answer.json()["code"] == "token_not_valid", name


@pytest.mark.parametrize("scheme", ["Basic YWRtaW46eA==", "Bearer", "bearer", "sk_live_x"])
async def test_another_scheme_is_no_credential(stranger: httpx.AsyncClient, scheme: str) -> None:
    answer = await stranger.get("/auth/me", headers={"Authorization": scheme})
    assert answer.status_code == 401


async def test_a_service_reached_directly_lets_nobody_in(
    mesh: LocalMesh, admin: httpx.AsyncClient, public_key: dict[str, str], pem: str
) -> None:
    url = mesh.url_of("orchestrator")
    async with calling(url) as direct:
        assert (await direct.get("/api/v1/machines")).status_code == 401
        headers = {"Authorization": admin.headers["Authorization"]}
        assert (await direct.get("/api/v1/machines", headers=headers)).status_code == 401
        for name, token in forgeries(public_key, pem).items():
            if name in ("no such session", "no session", "not ASCII", "mesh audience"):
                continue
            headers = {"Authorization": f"Bearer {token}"}
            answer = await direct.get("/api/v1/machines", headers=headers)
            assert answer.status_code in (401, 431), name


async def test_internal_paths_are_not_routed(admin: httpx.AsyncClient) -> None:
    for path in ("/internal/inspections", "/internal/anything", "/api/v1/../../internal/x"):
        assert (await admin.post(path, json={})).status_code in (404, 405)


async def test_a_service_token_needs_the_services_own_secret(
    mesh: LocalMesh, stranger: httpx.AsyncClient
) -> None:
    import hashlib
    import hmac

    secret = hmac.new(mesh.secret("mesh_secret").encode(), b"tracking", hashlib.sha256).hexdigest()
    body = {"service": "tracking", "secret": secret}
    given = await stranger.post("/internal/service-token", json=body)
    assert given.status_code == 200
    # What a machine is called with opens that machine alone: whoever registers an address of
    # their own gets nothing by which they could call the mesh.
    url = mesh.url_of("orchestrator")
    async with calling(url) as direct:
        for audience, status in (("mesh", 200), ("machine:mv_0123456789ab", 401)):
            answer = await stranger.post(
                "/internal/service-token", json=body | {"audience": audience}
            )
            headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            opened = await direct.get("/api/v1/machines", headers=headers)
            assert opened.status_code == status
    assert (
        await stranger.post("/internal/service-token", json=body | {"audience": "gemba"})
    ).status_code == 422
    body["service"] = "orchestrator"
    assert (await stranger.post("/internal/service-token", json=body)).status_code == 401
