"""`python -m demo.floor`: brings the demo floor and keeps it moving; `--clean` removes it."""

import argparse
import asyncio
import signal
import sys

import httpx
from demo.floor import devices, people, printers, vision
from demo.floor.mesh import DISMISSAL_S, Door, Mesh, NoWay, find_door

_RETRY_S = 5.0


def main() -> int:
    """Run until told to stop; 0 when all went as it should."""
    parser = argparse.ArgumentParser(prog="python -m demo.floor", description=__doc__)
    parser.add_argument("--clean", action="store_true", help="remove everything of the demo floor")
    options = parser.parse_args()
    try:
        door = find_door()
        asyncio.run(clean(door) if options.clean else run(door))
    except NoWay as error:
        print(f"demo floor: {error}", file=sys.stderr)
        return 1
    except httpx.TransportError:
        print(f"demo floor: nobody answers at {door.url}; does the mesh run?", file=sys.stderr)
        return 1
    return 0


async def run(door: Door) -> None:
    """Bring all parts; one that fails comes back, and none waits for another."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Mesh.entered(door) as mesh, asyncio.TaskGroup() as tasks:
        print("Demo floor: on its way. DEMO=0 leaves it out, `make demo-clean` removes it.")
        parts = [
            tasks.create_task(kept_up(part, mesh), name=part.__name__)
            for part in (vision.run, printers.run, devices.run, people.run)
        ]
        dismissed = tasks.create_task(mesh.until_dismissed())
        stopped = tasks.create_task(stop.wait())
        await asyncio.wait({dismissed, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for part in (*parts, dismissed):
            part.cancel()
        if stop.is_set():
            return
        print("Demo floor: dismissed; it comes back with the next start of the mesh.")
        await stopped


async def kept_up(part: vision.Part, mesh: Mesh) -> None:
    """Run a part for ever: a service that is away comes back."""
    while True:
        try:
            await part(mesh)
        except (httpx.HTTPError, OSError, TimeoutError, ExceptionGroup) as error:
            print(f"Demo floor: {part.__module__.rsplit('.', 1)[-1]} waits: {error!r:.200}")
        await asyncio.sleep(_RETRY_S)


async def clean(door: Door) -> None:
    """Remove everything that bears the demo's mark."""
    async with Mesh.entered(door) as mesh:
        if mesh.has_dismissed:
            await asyncio.sleep(DISMISSAL_S)
        for part in (vision.clean, printers.clean, devices.clean, people.clean):
            removed = await part(mesh)
            print(f"{part.__module__.rsplit('.', 1)[-1]}: {removed} removed")


if __name__ == "__main__":
    sys.exit(main())
