"""Names of things on the bus."""

import pytest

from common.bus import subject


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
