import http.server
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.patience import PATIENCE_S
from vision_node.imaging import Frame, Image
from vision_node.sources.capturing import Newest, Pace, is_video, read_camera, read_video
from vision_node.sources.errors import SourceError
from vision_node.sources.fetching import fetch_picture
from vision_node.sources.hosts import allowed_address, checked_url

JPEG = cv2.imencode(".jpg", np.full((48, 64, 3), 99, np.uint8))[1].tobytes()
PER_CONNECTION = 5


class Camera(http.server.BaseHTTPRequestHandler):
    """A network camera that goes away after a few frames; other paths redirect and overflow."""

    def do_GET(self) -> None:
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "/picture.jpg")
            self.end_headers()
        elif self.path == "/stream":
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(JPEG)}\r\n\r\n"
            for _ in range(PER_CONNECTION):
                self.wfile.write(head.encode() + JPEG + b"\r\n")
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(JPEG)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_camera_that_goes_away_is_connected_to_again(port: int) -> None:
    stop, lost = threading.Event(), list[str]()
    frames = read_camera(
        f"http://127.0.0.1:{port}/stream", pace=Pace(), stop=stop, lost=lost.append
    )
    seen = [next(frames) for _ in range(2 * PER_CONNECTION)]
    assert [frame.index for frame in seen] == list(range(2 * PER_CONNECTION))
    assert seen[0].image.pixels.shape == (48, 64, 3)
    assert lost
    stop.set()
    assert next(frames, None) is None


def test_a_camera_that_is_not_there_is_waited_for_until_it_is_cancelled() -> None:
    stop, lost = threading.Event(), list[str]()

    def note(reason: str) -> None:
        lost.append(reason)
        stop.set()

    assert list(read_camera("http://127.0.0.1:9/x", pace=Pace(), stop=stop, lost=note)) == []
    assert lost == ["the camera does not answer"]


def test_the_newest_frame_is_kept_and_the_others_are_counted() -> None:
    let_go = threading.Event()

    def frames() -> Iterator[Frame]:
        for index in range(10):
            yield Frame(Image(np.zeros((2, 2), np.uint8)), index=index)
        let_go.set()

    newest = Newest(frames())
    assert let_go.wait(PATIENCE_S)
    seen = list(newest)
    assert seen[-1].index == 9
    assert sum(frame.dropped for frame in seen) + len(seen) == 10


def test_a_source_that_breaks_breaks_for_who_waits() -> None:
    def frames() -> Iterator[Frame]:
        raise SourceError("gone")
        yield

    with pytest.raises(SourceError, match="gone"):
        next(Newest(frames()))


def test_a_frame_rate_is_the_least_of_what_was_asked() -> None:
    assert Pace().period_s(25) == 0
    assert Pace(max_fps=10).period_s(25) == pytest.approx(0.1)
    assert Pace(max_fps=50, as_recorded=True).period_s(25) == pytest.approx(0.04)
    assert Pace(as_recorded=True).period_s(0) == pytest.approx(0.04)


def test_a_playlist_is_no_video(tmp_path: Path) -> None:
    assert not is_video(b"#EXTM3U\nfile:///etc/passwd\n")
    assert not is_video(b"ffconcat version 1.0\n")
    assert is_video(b"\0\0\0\x20ftypisom")
    path = tmp_path / "list.mp4"
    path.write_bytes(b"#EXTM3U\n")
    with pytest.raises(SourceError, match="no video"):
        next(read_video(path, parameter="x", loop=False, pace=Pace(), stop=threading.Event()))


def test_a_video_of_too_large_pictures_is_refused() -> None:
    film = Path(__file__).parents[2] / "demo" / "videos" / "bolt-multi-size-detection.gif"
    frames = read_video(
        film, parameter="x", loop=False, pace=Pace(), stop=threading.Event(), max_pixels=1000
    )
    with pytest.raises(SourceError, match="million"):
        next(frames)


def test_a_picture_is_fetched_from_an_allowed_host_and_no_other(port: int) -> None:
    url = f"http://127.0.0.1:{port}/picture.jpg"
    assert fetch_picture(url, ["127.0.0.1"], max_bytes=10**6) == JPEG
    with pytest.raises(SourceError, match="not among"):
        fetch_picture(url, [], max_bytes=10**6)
    with pytest.raises(SourceError, match="redirects are not followed"):
        fetch_picture(f"http://127.0.0.1:{port}/away", ["127.0.0.0/8"], max_bytes=10**6)
    with pytest.raises(SourceError, match="more than 10 bytes"):
        fetch_picture(url, ["127.0.0.1"], max_bytes=10)
    with pytest.raises(SourceError, match="cannot be read"):
        fetch_picture("http://127.0.0.1:9/", ["127.0.0.1"], max_bytes=10)


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "127.1", "2130706433", "0.0.0.0", "169.254.169.254", "10.0.0.1",
     "192.168.1.1", "172.16.0.9", "::1", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "224.0.0.1",
     "100.64.0.1"],
)  # fmt: skip
def test_an_address_that_is_not_public_is_closed_even_where_its_name_is_allowed(host: str) -> None:
    with pytest.raises(SourceError):
        allowed_address(host, 80, ["*"])


def test_what_is_listed_is_open() -> None:
    assert allowed_address("10.2.3.4", 80, ["10.2.0.0/16"]) == "10.2.3.4"
    assert allowed_address("93.184.216.34", 80, ["*.34"]) == "93.184.216.34"
    with pytest.raises(SourceError):
        allowed_address("10.3.3.4", 80, ["10.2.0.0/16", "camera.plant.example"])
    with pytest.raises(SourceError, match="cannot be found"):
        allowed_address("nowhere.invalid", 80, ["*"])


@given(st.text(max_size=60))
def test_any_text_for_a_url_is_judged_in_words(text: str) -> None:
    with suppress(SourceError):
        assert checked_url(text, schemes=("http", "https")).hostname
