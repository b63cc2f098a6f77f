"""One replica judges and gathers: the one that holds PostgreSQL's advisory lock.

While PostgreSQL is away whoever led goes on leading, for somebody has to tell that it is away.
"""

import asyncio
import logging
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from common.db import Database

_ASK: Final = text("SELECT pg_try_advisory_lock(hashtext('cluster.leader'))")
_STILL_THERE: Final = text("SELECT 1")
_LOOK_S: Final = 1.0
_ANSWER_S: Final = 3.0
_log = logging.getLogger("leading")


class Leadership:
    """`leads` says whether this replica is the one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.leads = False
        self.began = asyncio.Event()

    async def run(self) -> None:
        """Try to lead for as long as the service runs."""
        while True:
            try:
                await self._try()
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                _log.info("PostgreSQL does not answer: %s", type(error).__name__)
            await asyncio.sleep(_LOOK_S)

    async def _try(self) -> None:
        async with self._database.engine.connect() as connection:
            # A lock is the session's; no transaction stays open meanwhile.
            steady = await connection.execution_options(isolation_level="AUTOCOMMIT")
            holds = bool((await steady.execute(_ASK)).scalar())
            self._become(leads=holds)
            while holds:
                await asyncio.sleep(_LOOK_S)
                async with asyncio.timeout(_ANSWER_S):
                    await steady.execute(_STILL_THERE)

    def _become(self, *, leads: bool) -> None:
        if leads and not self.leads:
            _log.info("this replica watches over the mesh")
            self.began.set()
        self.leads = leads
