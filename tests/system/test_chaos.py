"""A short `make chaos`: three parts die under load, and every ledger agrees with the store."""

from pathlib import Path

from bench.chaos.faults import kill
from bench.chaos.run import run
from bench.load.site import SETTINGS

from gemba_local.mesh import LocalMesh


async def test_nothing_acknowledged_is_lost_or_doubled_when_parts_die(tmp_path: Path) -> None:
    with LocalMesh(tmp_path / "data", settings=SETTINGS) as mesh:
        report = await run(mesh, [kill(part) for part in ("tracking", "nats", "postgres")])
    for outcome in report.outcomes:
        assert outcome.felt_s is not None, f"{outcome.fault}: {outcome.refused}"
    for verdict in report.verdicts:
        assert verdict.acknowledged > 0, verdict.kind
        assert verdict.holds, verdict
