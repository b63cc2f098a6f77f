"""Connections of a service to a real PostgreSQL."""

from pydantic import SecretStr
from sqlalchemy import text

from common.db import Database
from common.settings import ServiceSettings
from gemba_local.mesh import LocalMesh


async def _backend(database: Database) -> int:
    async with database.transaction() as session:
        return int((await session.execute(text("SELECT pg_backend_pid()"))).scalar_one())


async def test_an_old_connection_is_replaced_and_a_young_one_is_used_again(mesh: LocalMesh) -> None:
    address = mesh.database_url.replace("postgresql://", "postgresql+asyncpg://")
    settings = ServiceSettings(database_url=SecretStr(address))
    lasting = Database(settings, application="test")
    fleeting = Database(settings, application="test", connection_lifetime_s=0)
    try:
        assert await _backend(lasting) == await _backend(lasting)
        assert await _backend(fleeting) != await _backend(fleeting)
    finally:
        await lasting.close()
        await fleeting.close()
