"""`python -m gateway.mqtt` runs the MQTT door."""

import asyncio
import logging
import resource
import signal

from common.starting import importing

with importing():
    import uvloop

    from common.bus import Bus
    from common.client import MeshClient
    from common.logs import configure_logging
    from common.membership import Membership
    from gateway.mqtt.door import Door
    from gateway.mqtt.identities import Identities
    from gateway.mqtt.probes import answering
    from gateway.mqtt.settings import DoorSettings
    from gateway.mqtt.watch import Watch

_log = logging.getLogger("mqtt")


async def run(settings: DoorSettings) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    client = MeshClient(settings, service="mqtt")
    bus = Bus(settings, name="mqtt")
    door = Door(settings, Identities(settings, client))
    membership = Membership(settings, bus, service="mqtt", checks={})
    try:
        async with (
            answering(
                settings.host,
                settings.mqtt_metrics_port,
                ready=lambda: {"nats": bus.is_connected, "listening": door.is_listening},
            ),
            bus.running(),
            membership.running(),
            asyncio.TaskGroup() as tasks,
        ):
            serving = tasks.create_task(_serve(settings, door, Watch(settings, bus, door)))
            await stopped.wait()
            serving.cancel()
    finally:
        await client.close()


async def _serve(settings: DoorSettings, door: Door, watch: Watch) -> None:
    await watch.prepare()
    async with door.listening():
        _log.info("MQTT clients may come, on port %d", settings.mqtt_port)
        await watch.run()


def main() -> None:
    """Serve until SIGTERM."""
    settings = DoorSettings()
    configure_logging("mqtt", level=settings.log_level)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Two descriptors a client; the usual soft limit of 1,024 would end at 500.
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.run(run(settings))


if __name__ == "__main__":
    main()
