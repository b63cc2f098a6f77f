from datetime import UTC, datetime
from pathlib import Path

from common.schemas.vision import ArtifactReport, ResultReport
from vision_node.runtime.spool import Spool


def report(inspection_id: str) -> ResultReport:
    return ResultReport(
        machine_id="mv_1",
        inspection_id=inspection_id,
        status="completed",
        results={"blob_count": 5},
        timestamp=datetime.now(UTC),
        artifacts=[ArtifactReport(name="overlay.jpg", media_type="image/jpeg", size_bytes=3)],
    )


def test_what_was_put_is_there_in_order_after_a_restart(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    assert spool.open() == []
    names = [spool.put(report(key), {"overlay.jpg": b"jpg"}) for key in ("b", "a", "c")]
    again = Spool(tmp_path)
    assert again.open() == names
    entry = again.load(names[0])
    assert entry is not None
    assert entry.report.inspection_id == "b"
    assert entry.artifacts == {"overlay.jpg": b"jpg"}
    again.done(names[0])
    assert Spool(tmp_path).open() == names[1:]


def test_what_a_crash_left_half_written_is_cleared(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.open()
    (tmp_path / "spool" / ".new-1-x").mkdir()
    (tmp_path / "spool" / ".done-1-y").mkdir()
    assert Spool(tmp_path).open() == []
    assert [*(tmp_path / "spool").iterdir()] == []


def test_a_damaged_entry_is_set_aside_and_does_not_block_the_rest(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.open()
    name = spool.put(report("a"), {"overlay.jpg": b"jpg"})
    (tmp_path / "spool" / name / "result.json").write_bytes(b"{")
    assert spool.load(name) is None
    assert spool.open() == []
    assert (tmp_path / "refused" / name).is_dir()
