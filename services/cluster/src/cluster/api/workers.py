"""Compute workers, and the orders that they are given (contract, chapter 9)."""

from typing import Annotated

from fastapi import Query

from cluster.api.dependencies import Administrator, Reader, Serving
from cluster.schemas.shapes import OperationInfo, OperationReceipt, WorkerInfo
from common.serve import service_router

router = service_router(tags=["workers"])


@router.get("/workers")
async def list_workers(services: Serving, _: Reader) -> list[WorkerInfo]:
    """Vision nodes and Dask workers."""
    return await services.orders.workers()


@router.get("/workers/{worker_id}")
async def get_worker(worker_id: str, services: Serving, _: Reader) -> WorkerInfo:
    """One worker."""
    return await services.orders.worker(worker_id)


@router.post("/workers/{worker_id}/stop", status_code=202)
async def stop_worker(worker_id: str, services: Serving, admin: Administrator) -> OperationReceipt:
    """Let a worker finish, then keep it from work until it is restarted."""
    found = await services.orders.begin(worker_id, "stop", admin)
    return OperationReceipt(worker_id=worker_id, action="stop", operation_id=found)


@router.post("/workers/{worker_id}/restart", status_code=202)
async def restart_worker(
    worker_id: str, services: Serving, admin: Administrator
) -> OperationReceipt:
    """Let a worker finish, then put a new process in its place."""
    found = await services.orders.begin(worker_id, "restart", admin)
    return OperationReceipt(worker_id=worker_id, action="restart", operation_id=found)


@router.get("/operations")
async def list_operations(
    services: Serving,
    _: Reader,
    worker_id: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> list[OperationInfo]:
    """Orders to workers and who gave them, newest first."""
    return await services.orders.operations(worker_id=worker_id, limit=limit)


@router.get("/operations/{operation_id}")
async def get_operation(operation_id: str, services: Serving, _: Reader) -> OperationInfo:
    """How far an order has come."""
    return await services.orders.operation(operation_id)
