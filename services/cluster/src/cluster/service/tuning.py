"""Settings that users change while the mesh runs: kept as versions, told to every process."""

import logging
from collections.abc import Sequence
from contextlib import suppress

import nats.errors

from cluster.models import SettingsVersion
from cluster.repository import tuning
from cluster.schemas.shapes import SettingsRecord
from cluster.schemas.tuning import ClusterSettings, SettingsPatch, difference, merged
from common.auth import Principal
from common.bus import Bus
from common.db import Database
from common.membership import Membership
from common.schemas.mesh import TUNING_SUBJECT, Tuning

_log = logging.getLogger("audit")


class SettingsService:
    """Holds the settings in force; `current` is what this replica obeys now."""

    def __init__(
        self, database: Database, bus: Bus, membership: Membership, *, first: ClusterSettings
    ) -> None:
        self._database = database
        self._bus = bus
        self._membership = membership
        self.current = first
        self.version = 0

    async def read(self) -> tuple[ClusterSettings, int]:
        """The settings in force, with their version; from the store, for they may be new."""
        await self.refresh()
        return self.current, self.version

    async def refresh(self) -> None:
        """Take over what another replica may have changed."""
        async with self._database.transaction() as session:
            if await tuning.newest_version(session) == self.version:
                return
            newest = await tuning.newest(session)
        if newest is not None:
            self._adopt(newest)

    async def change(self, patch: SettingsPatch, by: Principal) -> tuple[ClusterSettings, int]:
        """Merge the patch in, note who made it, and tell every process."""
        async with self._database.transaction() as session:
            newest = await tuning.newest(session, lock=True)
            before = _settings_of(newest) if newest is not None else self.current
            after = merged(before, patch)
            changes = difference(before, after)
            if changes:
                newest = SettingsVersion(
                    version=(newest.version if newest is not None else 0) + 1,
                    settings=after.model_dump(mode="json"),
                    changes=changes,
                    changed_by=by.subject,
                )
                session.add(newest)
        if newest is not None:
            self._adopt(newest)
        if changes:
            _log.info(
                "settings changed by %s: %s",
                by.subject,
                ", ".join(f"{name} {old} → {new}" for name, (old, new) in changes.items()),
                extra={"version": self.version, "changed_by": by.subject},
            )
            await self.tell()
        return self.current, self.version

    async def tell(self) -> None:
        """Tell every process of the mesh; those that start later ask by their beacon."""
        if not self.version:
            return
        with suppress(nats.errors.Error, OSError):
            await self._bus.client.publish(
                TUNING_SUBJECT, self._tuning().model_dump_json().encode()
            )

    async def history(self, *, limit: int) -> list[SettingsRecord]:
        """Every change, newest first."""
        async with self._database.transaction() as session:
            rows: Sequence[SettingsVersion] = await tuning.history(session, limit=limit)
        return [SettingsRecord.model_validate(row) for row in rows]

    def _tuning(self) -> Tuning:
        return Tuning(
            version=self.version,
            sampling_interval_seconds=self.current.sampling_interval_seconds,
            log_level=self.current.log_level,
        )

    def _adopt(self, newest: SettingsVersion) -> None:
        if newest.version <= self.version:
            return
        self.current, self.version = _settings_of(newest), newest.version
        self._membership.obey(self._tuning())


def _settings_of(row: SettingsVersion) -> ClusterSettings:
    return ClusterSettings.model_validate(row.settings)
