"""`make screenshots`: every page of a running mesh with its demo floor, light and dark.

Reads the address and the password like the demo; `--out` is `screenshots` by default.
"""

import argparse
import asyncio
from pathlib import Path

from demo.floor.mesh import find_door

from tests.dashboard.browser import Visit, chromium, visit
from tests.dashboard.test_accessibility import PLACES

_SETTLE_MS = 2500


async def take(folder: Path, *, places: list[str], size: tuple[int, int]) -> None:
    """One picture a page and scheme."""
    door = find_door()
    folder.mkdir(parents=True, exist_ok=True)
    async with chromium() as browser:
        for scheme in ("light", "dark"):
            options = {"viewport": {"width": size[0], "height": size[1]}, "color_scheme": scheme}
            entered = visit(browser, door.url, user="admin", password=door.password, **options)
            async with entered as visitor:
                device = await first_device(visitor)
                for place in places:
                    path = folder / f"{name_of(place)}-{scheme}.png"
                    await picture(visitor, place.format(device=device), path)


async def picture(visitor: Visit, place: str, path: Path) -> None:
    """Go there, let it fill, and take the picture."""
    page = await visitor.to(place)
    await page.wait_for_timeout(_SETTLE_MS)
    await page.screenshot(path=path)
    print(path)


async def first_device(visitor: Visit) -> int:
    """The id of a device of the demo floor."""
    answer = await visitor.context.request.get(f"{visitor.url}/api/devices/?search=(demo)")
    return int((await answer.json())["results"][0]["id"])


def name_of(place: str) -> str:
    """A file's name for a place."""
    return (
        place.strip("/")
        .replace("/", "-")
        .replace("?", "-")
        .replace("=", "-")
        .replace("{device}", "one")
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("screenshots"))
    parser.add_argument("--size", default="1400x900")
    parser.add_argument("places", nargs="*", default=list(PLACES))
    given = parser.parse_args()
    width, height = (int(part) for part in given.size.split("x"))
    asyncio.run(take(given.out, places=given.places, size=(width, height)))
