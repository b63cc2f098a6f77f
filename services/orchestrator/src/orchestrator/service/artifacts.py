"""Files that nodes make, kept under the lease of their attempt (contract, chapter 5)."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import Principal
from common.db import Database
from common.errors import Conflict, NotFound
from orchestrator.events import Events
from orchestrator.models import Artifact, Inspection
from orchestrator.repository import attempts, inspections
from orchestrator.service.ownership import owned_machine
from orchestrator.service.states import InspectionGone
from orchestrator.storage import Storage

_MOST_ARTIFACTS: Final = 100


class ArtifactGone(NotFound):
    """The inspection has no such artifact."""

    message = "This inspection has no such artifact."


class LeaseLost(Conflict):
    """The upload comes without the current lease."""

    message = "The machine does not hold the lease of this inspection."


class TooManyArtifacts(Conflict):
    """An attempt has left as many artifacts as it may."""

    message = f"An inspection keeps at most {_MOST_ARTIFACTS} artifacts."


@dataclass(frozen=True, slots=True)
class Upload:
    """An artifact on its way in."""

    inspection_id: str
    name: str
    machine_id: str
    lease_token: str
    media_type: str
    is_transient: bool


class ArtifactService:
    """Keeps artifacts, and hands overlay pictures of live streams on to who watches."""

    def __init__(self, *, database: Database, storage: Storage, events: Events) -> None:
        self._database = database
        self._storage = storage
        self._events = events

    async def keep(self, upload: Upload, content: bytes, principal: Principal) -> None:
        """Keep an artifact of the current lease; a transient one is shown and forgotten.

        Raises:
            MachineGone: there is no such machine.
            InspectionGone: there is no such inspection.
            Forbidden: the machine is somebody else's.
            LeaseLost: the lease is not, or no longer, this machine's.
            TooManyArtifacts: the attempt has too many already.
        """
        async with self._database.transaction() as session:
            inspection = await self._leased(session, upload, principal)
            attempt = inspection.attempt_count
            count = await attempts.artifact_count(session, upload.inspection_id, attempt)
        if upload.is_transient:
            await self._events.frame(upload.inspection_id, upload.name, content)
            return
        if count >= _MOST_ARTIFACTS:
            raise TooManyArtifacts()
        key = f"artifacts/{upload.inspection_id}/{attempt}/{upload.name}"
        await self._storage.put(key, content)
        async with self._database.transaction() as session:
            # Asked again: the lease may have been lost while the bytes went out.
            await self._leased(session, upload, principal)
            await attempts.save_artifact(
                session,
                {
                    "inspection_id": upload.inspection_id,
                    "attempt": attempt,
                    "name": upload.name,
                    "media_type": upload.media_type,
                    "size_bytes": len(content),
                    "storage_key": key,
                },
            )

    async def _leased(
        self, session: AsyncSession, upload: Upload, principal: Principal
    ) -> Inspection:
        await owned_machine(session, upload.machine_id, principal)
        inspection = await inspections.get(session, upload.inspection_id, lock=True)
        if inspection is None:
            raise InspectionGone()
        holder = (inspection.machine_id, inspection.lease_token)
        if holder != (upload.machine_id, upload.lease_token):
            raise LeaseLost()
        return inspection

    async def find(self, inspection_id: str, name: str) -> Artifact:
        """An artifact of the newest attempt.

        Raises:
            InspectionGone: there is no such inspection.
            ArtifactGone: it has no artifact of this name.
        """
        async with self._database.transaction() as session:
            inspection = await inspections.get(session, inspection_id)
            if inspection is None:
                raise InspectionGone()
            found = await attempts.artifact(
                session, inspection_id, name, attempt=inspection.attempt_count
            )
        if found is None:
            raise ArtifactGone()
        return found

    async def picture(self, inspection_id: str, name: str) -> bytes | None:
        """The bytes of a JPEG artifact, None when there is none of this name."""
        try:
            found = await self.find(inspection_id, name)
            if found.media_type != "image/jpeg":
                return None
            return await self._storage.read(found.storage_key)
        except NotFound:
            return None
