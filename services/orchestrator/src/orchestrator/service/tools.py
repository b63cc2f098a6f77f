"""The tools of the mesh, and what is wrong with a pipeline (contract, chapter 5)."""

from typing import Any

from common.db import Database
from common.pipelines import read_pipeline
from orchestrator.schemas.inspections import PipelineVerdict, ToolList
from orchestrator.service.toolboxes import Toolboxes


class ToolService:
    """Lists tools and judges pipelines that nobody has made yet."""

    def __init__(self, *, database: Database, toolboxes: Toolboxes) -> None:
        self._database = database
        self._toolboxes = toolboxes

    async def tools(self) -> ToolList:
        """Every tool that a registered machine has, offline ones too."""
        async with self._database.transaction() as session:
            tools = (await self._toolboxes.current(session)).tools
        return ToolList(count=len(tools), tools=tools)

    async def validate(self, raw: Any) -> PipelineVerdict:
        """Everything that is wrong with a pipeline, however broken it is."""
        config = read_pipeline(raw)
        if isinstance(config, list):
            return PipelineVerdict(valid=False, errors=config)
        async with self._database.transaction() as session:
            problems = await self._toolboxes.problems(session, config)
        return PipelineVerdict(valid=not problems, errors=problems)
