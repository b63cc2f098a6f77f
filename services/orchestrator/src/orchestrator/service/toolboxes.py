"""The tool catalogues that nodes registered, read from the database when they have changed."""

import asyncio
import hashlib
from collections.abc import Sequence

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from common.errors import ValidationFailed
from common.schemas.vision import PipelineConfig, PipelineProblem, ToolDescription
from orchestrator.pipelines import Toolbox, catalogue_problems, uploads
from orchestrator.repository import images, machines


class Toolboxes:
    """The newest union of all catalogues; the same one as long as no machine brings another."""

    def __init__(self) -> None:
        self._digests: tuple[str, ...] = ()
        self._toolbox = Toolbox([])

    async def current(self, session: AsyncSession) -> Toolbox:
        """The tools of all registered machines, offline ones too; the newest schema of each."""
        digests = await machines.catalogue_digests(session)
        if digests != self._digests:
            found = await machines.catalogues(session, digests)
            raw = [tool for digest in digests for tool in found.get(digest, [])]
            tools = [ToolDescription.model_validate(tool) for tool in raw]
            self._toolbox = await asyncio.to_thread(Toolbox, tools)
            self._digests = digests
        return self._toolbox

    async def problems(
        self, session: AsyncSession, config: PipelineConfig
    ) -> list[PipelineProblem]:
        """Everything that is wrong with a pipeline, uploads that do not exist among it."""
        toolbox = await self.current(session)
        problems = toolbox.problems(config)
        wanted = uploads(config)
        known = await images.known_ids(session, list(wanted.values())) if wanted else set()
        problems += [
            PipelineProblem(
                tool=tool,
                parameter="image_id",
                message=f"there is no uploaded image {image_id!r}",
            )
            for tool, image_id in wanted.items()
            if image_id not in known
        ]
        return problems


async def keep_catalogue(session: AsyncSession, tools: Sequence[ToolDescription]) -> str:
    """Keep the catalogue of a node; the digest by which its machine refers to it.

    Raises:
        ValidationFailed: two tools have one name, or a schema is none.
    """
    listed = [tool.model_dump(mode="json") for tool in sorted(tools, key=lambda tool: tool.name)]
    digest = hashlib.sha256(orjson.dumps(listed, option=orjson.OPT_SORT_KEYS)).hexdigest()
    if not await machines.has_catalogue(session, digest):
        problems = await asyncio.to_thread(catalogue_problems, tools)
        if problems:
            raise ValidationFailed(fields=problems)
    await machines.save_catalogue(session, digest, listed)
    return digest
