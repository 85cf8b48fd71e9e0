"""`EmotionClassifier`: crops in, probabilities out, by ONNX Runtime."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnxruntime

from fer import paths
from fer.arrays import SIDE, Floats
from fer.emotions import N_EMOTIONS
from fer.errors import BundleError, SlowModelError
from fer.recognition import current
from fer.recognition.bundle import Bundle

Crops = npt.NDArray[np.uint8]

# Memory grows with the batch, speed doesn't beyond this many faces, and a call ends soon enough to be watched.
_CHUNK: Final = 32
# A call takes milliseconds; a model that is imported may do up to eight times the shipped one's work.
CALL_SECONDS: Final = 5.0
# A call may take so many times longer if the process has hardly used a processor meanwhile.
_MOST_WAITS: Final = 24


class EmotionClassifier:
    """A bundle's network, ready to serve; one object may be shared by threads.

    Temperature and softmax are applied here and nowhere else.

    Args:
        bundle: a loaded bundle.
        threads: of ONNX Runtime for one call.

    Raises:
        BundleError: the ONNX file can't be opened, or its inputs or outputs aren't those of a bundle.
    """

    def __init__(self, bundle: Bundle, threads: int = 2) -> None:
        self.bundle = bundle
        self._too_slow = False
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Threads that spin between frames take the core that the camera needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                str(bundle.served_file), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's own exceptions share no base class
            raise BundleError(
                f"The model file '{bundle.served_file}' can't be opened; copy the bundle again or choose another."
            ) from error
        self._check()

    def _check(self) -> None:
        inputs, outputs = self._session.get_inputs(), {item.name: item for item in self._session.get_outputs()}
        taken = [(item.name, item.type, list(item.shape)[1:]) for item in inputs]
        if taken != [("images", "tensor(uint8)", [SIDE, SIDE, 1])] or isinstance(inputs[0].shape[0], int):
            described = ", ".join(f"'{item.name}', {item.type} {list(item.shape)}" for item in inputs)
            raise BundleError(
                f"The model file '{self.bundle.served_file}' takes {described}; expected 'images', uint8 (N, {SIDE}, "
                f"{SIDE}, 1) with N free. Export it again or choose another model."
            )
        logits, maps = outputs.get("logits"), outputs.get("maps")
        fits = logits is not None and list(logits.shape)[1:] == [N_EMOTIONS]
        if not fits or maps is None or len(maps.shape) != 4 or maps.shape[3] != N_EMOTIONS:
            received = ", ".join(f"'{item.name}' {list(item.shape)}" for item in outputs.values())
            raise BundleError(
                f"The model file '{self.bundle.served_file}' gives {received}; expected 'logits' (N, {N_EMOTIONS}) and "
                f"'maps' (N, h, w, {N_EMOTIONS}). Export it again or choose another model."
            )

    def logits(self, crops: Crops) -> Floats:
        """Return raw scores, (N, 7) float32, of crops (N, 48, 48, 1) uint8; N may be 0.

        Raises:
            ValueError: the crops have another shape or dtype.
            BundleError: the network fails, for instance because memory ran out.
            SlowModelError: a call took more than `CALL_SECONDS` of a processor that wasn't busy, now or before.
        """
        (logits,) = self._run(["logits"], crops)
        scores: Floats = logits
        return scores

    def probabilities(self, crops: Crops, *, mirrored: bool = False, measures: Floats | None = None) -> Floats:
        """Return calibrated probabilities, (N, 7) float32, rows summing to 1, of crops (N, 48, 48, 1) uint8.

        Args:
            crops: the faces; N may be 0.
            mirrored: average the logits of each face and its mirror image: half a point more accurate, twice the work.
            measures: what `fer.vision.quality.measure` returns for the crops, if it is known already.

        Raises:
            ValueError: the crops have another shape or dtype.
            BundleError: the network gives NaN or infinite values, fails or is too slow, as for `logits`.
        """
        if not mirrored:
            return self._softmax(self.logits(crops), crops, measures)
        both = self.logits(np.concatenate([crops, crops[:, :, ::-1]]))
        return self._softmax((both[: len(crops)] + both[len(crops) :]) / np.float32(2), crops, measures)

    def explain(self, crops: Crops) -> tuple[Floats, Floats]:
        """Return probabilities as above, and class activation maps (N, h, w, 7) float32: where a class is seen.

        Raises:
            ValueError: the crops have another shape or dtype.
            BundleError: the network gives NaN or infinite values, fails or is too slow, as for `logits`.
        """
        logits, maps = self._run(["logits", "maps"], crops)
        return self._softmax(logits, crops), maps

    def _softmax(self, logits: Floats, crops: Crops, measures: Floats | None = None) -> Floats:
        if not np.isfinite(logits).all():
            raise BundleError(
                f"The model in '{self.bundle.path}' produces NaN or infinite values: its training failed. Choose "
                "another model."
            )
        # In float64, where no finite logit overflows when a temperature divides it.
        scaled = logits.astype(np.float64) / self.bundle.temperature
        if self.bundle.quality is not None:
            scaled /= self.bundle.quality.factors(logits, crops, measures)[:, None]
        exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True), np.float32)

    def _run(self, names: list[str], crops: Crops) -> list[Any]:
        if crops.shape[1:] != (SIDE, SIDE, 1) or crops.dtype != np.uint8:
            raise ValueError(f"crops: expected uint8 (N, {SIDE}, {SIDE}, 1). Received: {crops.dtype} {crops.shape}")
        if len(crops) == 0:
            return [
                np.zeros((0, N_EMOTIONS) if name == "logits" else (0, 1, 1, N_EMOTIONS), np.float32) for name in names
            ]
        parts = [self._call(names, crops[start : start + _CHUNK]) for start in range(0, len(crops), _CHUNK)]
        return [np.concatenate(part) if len(part) > 1 else part[0] for part in zip(*parts, strict=True)]

    def _call(self, names: list[str], crops: Crops) -> list[Any]:
        """Run the network once, for so long as a network of this program can take."""
        if self._too_slow:
            # Again, because somebody may have put the model to use again since then.
            current.set_aside(self.bundle)
            raise self._slow_model()
        options = onnxruntime.RunOptions()
        with self._watched(options):
            try:
                return list(self._session.run(names, {"images": np.ascontiguousarray(crops)}, options))
            except Exception as error:  # ONNX Runtime's own exceptions share no base class
                raise (self._slow_model() if self._too_slow else self._failed_model()) from error

    @contextmanager
    def _watched(self, options: onnxruntime.RunOptions) -> Iterator[None]:
        """End a call that takes too long, unless it is the shipped model's, which nothing could replace."""
        if self.bundle.path == paths.SHIPPED_BUNDLE:
            yield
            return
        ended = threading.Event()
        threading.Thread(target=self._watch, args=(options, ended), daemon=True).start()
        try:
            yield
        finally:
            ended.set()

    def _watch(self, options: onnxruntime.RunOptions, ended: threading.Event) -> None:
        """Wait for the end of a call; longer if other programs keep the processors from this one."""
        began = time.process_time()
        for _ in range(_MOST_WAITS):
            if ended.wait(CALL_SECONDS):
                return
            if time.process_time() - began >= CALL_SECONDS / 2:
                break
        self._give_up(options)

    def _give_up(self, options: onnxruntime.RunOptions) -> None:
        """Take the model out of use at once, and end the call after the operator it is in."""
        self._too_slow = True
        # First: by the time that the caller hears of it, another model is in use.
        current.set_aside(self.bundle)
        options.terminate = True

    def _failed_model(self) -> BundleError:
        if self.bundle.path == paths.SHIPPED_BUNDLE:
            return BundleError(
                "The shipped model failed on a face. Close other programs to free memory and try again; if it fails "
                "again, install the program again."
            )
        return BundleError(f"The model in '{self.bundle.path}' fails on a face; choose another model.")

    def _slow_model(self) -> SlowModelError:
        return SlowModelError(
            f"The model '{self.bundle.name}' took more than {CALL_SECONDS:.0f} s for a few faces and was stopped. If "
            "it was the model in use, the shipped one has taken its place; try again."
        )


class MirroredClassifier(EmotionClassifier):
    """The same network, asked about each face and its mirror image every time."""

    def probabilities(self, crops: Crops, *, mirrored: bool = True, measures: Floats | None = None) -> Floats:
        """See `EmotionClassifier.probabilities`; `mirrored` is always true."""
        return super().probabilities(crops, mirrored=True, measures=measures)
