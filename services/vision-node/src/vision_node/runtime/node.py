"""Puts the running node together and takes it apart again in order."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from random import Random

import cv2

from common.schemas.vision import MachineRegistration
from vision_node import system
from vision_node import tools as tool_package
from vision_node.benchmark import benchmark
from vision_node.gateway import Gateway
from vision_node.inference.manifest import ModelError
from vision_node.inference.sessions import Models, reason_against
from vision_node.pipeline.catalogue import Tools, describe_all, discover
from vision_node.runtime.admission import Admission
from vision_node.runtime.delivery import SENDERS, Delivery
from vision_node.runtime.inspections import Inspections, Parts
from vision_node.runtime.metrics import Meters
from vision_node.runtime.presence import Presence
from vision_node.runtime.restart import Restart
from vision_node.runtime.shipping import LogShipping
from vision_node.runtime.spool import Spool
from vision_node.runtime.uploads import Uploads
from vision_node.settings import Settings

_LEAVE_S = 2.0
_log = logging.getLogger("node")


@dataclass(frozen=True, slots=True)
class Node:
    """What the node's paths and probes need."""

    inspections: Inspections
    presence: Presence
    delivery: Delivery
    restart: Restart


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Node]:
    """A node at work; on leaving, it finishes or gives back what it holds."""
    tools = discover(tool_package)
    models = open_models(settings)
    # The pool has a thread a core: OpenCV's own threads would only fight over them.
    cv2.setNumThreads(1)
    pool = ThreadPoolExecutor(settings.vision_threads, thread_name_prefix="vision")
    random = Random()
    async with Gateway(settings) as gateway, asyncio.TaskGroup() as group:
        delivery = Delivery(
            Spool(settings.spool_dir),
            gateway,
            random=random,
            max_waiting=settings.max_spooled_results,
        )
        if waiting := await delivery.open():
            _log.info("%d results of an earlier run wait to be sent", waiting)
        uploads = Uploads(gateway, random=random)
        admission = Admission(threads=settings.vision_threads, max_wait_s=settings.max_wait_s)
        meters = Meters(settings.name)
        parts = Parts(settings, tools, models, gateway, uploads, delivery, pool, admission, meters)
        inspections = Inspections(parts, group=group)
        presence = Presence(
            gateway,
            inspections=inspections,
            delivery=delivery,
            interval_s=settings.heartbeat_interval_s,
            data_dir=settings.data_dir,
            node=settings.node,
            random=random,
        )
        machine = await asyncio.get_running_loop().run_in_executor(
            pool, describe, settings, tools, models
        )
        tasks = [group.create_task(delivery.send_forever()) for _ in range(SENDERS)]
        tasks.append(group.create_task(presence.run(machine)))
        shipping = LogShipping(gateway, machine_id=lambda: inspections.machine_id)
        tasks.append(group.create_task(shipping.run()))
        node = Node(inspections, presence, delivery, Restart())
        try:
            yield node
        finally:
            await _drain(node, settings.drain_timeout_s)
            await shipping.finish()
            inspections.close()
            for task in tasks:
                task.cancel()
            pool.shutdown(wait=False, cancel_futures=True)


def open_models(settings: Settings) -> Models:
    """The models of this node; raises ModelError where a manifest is malformed."""
    return Models(
        settings.model_folders,
        provider=settings.onnx_provider,
        threads=settings.onnx_threads,
        lanes=settings.onnx_runs_at_once,
    )


def refusal(settings: Settings) -> str | None:
    """Why this node must not come online; None where nothing speaks against it."""
    try:
        return reason_against(settings.onnx_provider, open_models(settings))
    except ModelError as error:
        return str(error)


def describe(settings: Settings, tools: Tools, models: Models) -> MachineRegistration:
    """How this machine introduces itself; measures for a moment, so not in the event loop."""
    system.prime()
    return MachineRegistration(
        name=settings.name,
        location=settings.machine_location,
        ip_address=settings.address,
        port=settings.vision_node_port,
        max_concurrent_inspections=settings.max_concurrent_inspections,
        supported_inspection_types=sorted(name for name in tools if name != "image_source"),
        hardware_specs={**system.hardware(), **_onnx(models), "benchmark": benchmark(models)},
        tools=describe_all(tools),
    )


def _onnx(models: Models) -> dict[str, object]:
    return {"onnx_provider": models.provider, "models": models.names}


async def _drain(node: Node, timeout_s: float) -> None:
    """Finish, deliver, leave: in at most `timeout_s` together."""
    leave_s = min(_LEAVE_S, timeout_s / 4)
    until = time.monotonic() + timeout_s - leave_s
    await node.inspections.drain(max(0.0, until - time.monotonic() - leave_s))
    with suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, until - time.monotonic())):
            await node.delivery.emptied()
    # What nobody needed is the last heartbeat's: by it the leases come back at once.
    await node.presence.leave(max(leave_s, until - time.monotonic()))
