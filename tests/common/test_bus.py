"""Names of things on the bus, and a bus without NATS: nobody who stops has to wait for it."""

import asyncio
from pathlib import Path

import pytest

from common.bus import Bus, subject
from common.settings import ServiceSettings
from tests.infrastructure import free_port
from tests.patience import PATIENCE_S


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("PRINTER-1", "PRINTER-1"),
        ("a.b*c>d e\tf", "a_b_c_d_e_f"),
        ("x\r\nPUB gemba.alert.y 0\r\n", "x__PUB_gemba_alert_y_0__"),
        ("\x00\x7f\u2028", "___"),
        ("", "_"),
        ("เครื่อง", "เครื่อง"),
    ],
)
def test_a_key_is_one_token_and_no_command(key: str, expected: str) -> None:
    assert subject("alert", "printer", key) == f"gemba.alert.printer.{expected}"


@pytest.mark.parametrize("turns", range(30))
async def test_a_stop_at_any_moment_ends_the_first_connection(turns: int, tmp_path: Path) -> None:
    url = f"nats://127.0.0.1:{free_port()}"
    bus = Bus(ServiceSettings(nats_url=url, data_dir=tmp_path), name="test")
    async with asyncio.timeout(PATIENCE_S), bus.running():
        # One turn of the loop each: one of them is that in which the refusal comes in.
        for _ in range(turns):
            await asyncio.sleep(0)
