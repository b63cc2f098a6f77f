"""`/api/v1/tools` and `/api/v1/pipelines` (contract, chapter 5)."""

from common.serve import service_router
from orchestrator.api.dependencies import Reader, Serving
from orchestrator.schemas.inspections import PipelineQuestion, PipelineVerdict, ToolList

router = service_router(prefix="/api/v1", tags=["tools"])


@router.get("/tools")
async def list_tools(services: Serving, _: Reader) -> ToolList:
    """Every tool with its JSON Schema, its ports and an example that runs as it stands."""
    return await services.tools.tools()


@router.post("/pipelines/validate")
async def validate_pipeline(
    question: PipelineQuestion, services: Serving, _: Reader
) -> PipelineVerdict:
    """Say everything that is wrong with a pipeline."""
    return await services.tools.validate(question.pipeline_config)
