"""ONNX sessions: one a model, shared by all threads, on the provider that the setting names.

Where a model takes batches, runs that wait are joined: see `batching`. Never a silent fall back: a
node that is told to use a GPU and cannot says so and does not start.
"""

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

import numpy as np
import onnxruntime as ort  # type: ignore[import-untyped]  # it ships no types

from vision_node.inference.batching import Batcher
from vision_node.inference.manifest import Manifest, ModelError, read_manifests, verified
from vision_node.inference.metrics import MODEL_PICTURES, MODEL_SECONDS

Provider = Literal["cpu", "cuda", "tensorrt"]
PROVIDERS: Final[dict[Provider, str]] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
SHIPPED: Final = Path(__file__).parent.parent / "models"


class Model:
    """A loaded model; `run` may be called from many threads at once."""

    def __init__(
        self, manifest: Manifest, session: ort.InferenceSession, *, lanes: int = 1
    ) -> None:
        self.manifest = manifest
        self.session = session
        self._input = session.get_inputs()[0].name
        self._outputs = [output.name for output in session.get_outputs()]
        self._seconds = MODEL_SECONDS.labels(manifest.name)
        self._pictures = MODEL_PICTURES.labels(manifest.name)
        self._batcher = None
        if manifest.max_batch > 1:
            self._batcher = Batcher(
                self._compute,
                lanes=lanes,
                max_batch=manifest.max_batch,
                on_run=self._pictures.observe,
            )

    def run(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """`(N, …)` input → outputs by name; raises ModelError where the model breaks on it."""
        if self._batcher is not None:
            return self._batcher(batch)
        self._pictures.observe(len(batch))
        return self._compute(batch)

    def _compute(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        try:
            with self._seconds.time():
                given = self.session.run(self._outputs, {self._input: batch})
        except Exception as error:
            # ONNX Runtime raises classes of its own that share no parent.
            name = type(error).__name__
            raise ModelError(f"the model {self.manifest.name!r} broke ({name})") from error
        return dict(zip(self._outputs, given, strict=True))


class Models:
    """The models of a node; each is loaded when it is first used."""

    def __init__(
        self,
        folders: Iterable[Path] = (),
        *,
        provider: Provider = "cpu",
        threads: int = 1,
        lanes: int = 1,
    ) -> None:
        self._found = read_manifests([SHIPPED, *folders])
        self._provider = provider
        self._threads = threads
        self._lanes = lanes
        self._loaded: dict[str, Model] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> list[str]:
        """What there is, by name."""
        return sorted(self._found)

    @property
    def provider(self) -> Provider:
        """On what they run."""
        return self._provider

    def get(self, name: str) -> Model:
        """A model, loaded once; raises ModelError where there is none or it is refused."""
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = self._load(name)
            return self._loaded[name]

    def verify(self) -> None:
        """Read the bytes of every model once; raises ModelError at the first that is refused."""
        for manifest, file in self._found.values():
            verified(manifest, file)

    def _load(self, name: str) -> Model:
        if name not in self._found:
            raise ModelError(f"no such model {name!r}; this node has {', '.join(self.names)}")
        manifest, file = self._found[name]
        session = open_session(verified(manifest, file), self._provider, threads=self._threads)
        return Model(manifest, session, lanes=self._lanes)


def open_session(data: bytes, provider: Provider, *, threads: int = 1) -> ort.InferenceSession:
    """A session on this provider and no other; raises ModelError where that cannot be."""
    wanted = PROVIDERS[provider]
    options = ort.SessionOptions()
    # The pool has a thread a core: a session with threads of its own would only fight over them.
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if provider != "cpu":
        # CUDA and cuDNN may have come as wheels, which the loader does not search.
        ort.preload_dlls()
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    try:
        session = ort.InferenceSession(data, options, providers=[wanted])
    except Exception as error:
        # ONNX Runtime raises classes of its own that share no parent.
        raise ModelError(
            f"ONNX Runtime cannot load the model on {provider}: {_first_line(error)}"
        ) from error
    session.disable_fallback()
    if wanted not in session.get_providers():
        raise ModelError(f"ONNX Runtime did not take {provider}; it offers {available()}")
    return session


def available() -> str:
    """The providers that this build of ONNX Runtime has."""
    return ", ".join(ort.get_available_providers())


def reason_against(provider: Provider, models: Models) -> str | None:
    """Why this node cannot compute on its provider; None where it can."""
    if PROVIDERS[provider] not in ort.get_available_providers():
        return f"GEMBA_ONNX_PROVIDER is {provider}, but this ONNX Runtime offers only {available()}"
    try:
        models.verify()
        if provider != "cpu":
            models.get(models.names[0])
    except ModelError as error:
        return str(error)
    return None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
