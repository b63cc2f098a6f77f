"""Run by Alembic for one service: its metadata, its schema, its own version table."""

import asyncio

from alembic import context
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

config = context.config
_SCHEMA = str(config.attributes["schema"])
_METADATA: MetaData = config.attributes["metadata"]
_LOCK_KEY = 0x67656D6261  # "gemba": migrations of all services wait for each other


def _migrate(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK_KEY})
    connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{_SCHEMA}"'))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=_METADATA,
        version_table_schema=_SCHEMA,
        include_schemas=True,
        include_name=lambda name, kind, _parents: kind != "schema" or name == _SCHEMA,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _run() -> None:
    engine = create_async_engine(config.attributes["url"], poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_migrate)
        await connection.commit()
    await engine.dispose()


asyncio.run(_run())
