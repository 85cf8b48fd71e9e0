"""The Live page's left half: the notice, the camera, and what to do when it does not start."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import streamlit as st

from fer.arrays import SIDE
from fer.errors import NetworkError
from fer.live.ice import CREDENTIAL_SECONDS, NetworkSettings, ice_servers, network_settings
from fer.live.pipeline import LiveModel
from fer.live.session import LiveSession
from fer.live.settings import LiveSettings
from fer.live.slots import StreamSlots
from fer.recognition.bundle import Bundle
from fer.recognition.classifier import EmotionClassifier
from fer.ui import resources
from fer.ui.frame import menu_entry
from fer.ui.live.webcam import CameraState, Webcam
from fer.ui.state import remembered
from fer.vision.images import encode_jpeg

# How often the figures and the charts are drawn while the camera is on.
PULSE_S: Final = 1.0
# After so long without a frame the page says what may be wrong.
PATIENCE_S: Final = 10.0
_BUSY_PULSE_S: Final = 2.0
_THUMBNAIL_PX: Final = 96


@dataclass
class LiveState:
    """What the page remembers of one viewer.

    Attributes:
        webcam: the camera component and its sessions.
        settings: as chosen now.
        accepted: whether the notice was.
        off_s: since when the camera has been off, on the monotonic clock; None while it is on, or not to be had.
        snapshot: the picture taken last in this session, as JPEG.
        servers, servers_s: STUN and TURN servers for the browser, and when their credentials were made (seconds since
            1970).
    """

    webcam: Webcam = field(default_factory=lambda: Webcam("live_camera"))
    settings: LiveSettings = field(default_factory=LiveSettings)
    accepted: bool = False
    off_s: float | None = None
    snapshot: bytes | None = None
    servers: list[dict[str, Any]] = field(default_factory=list)
    servers_s: float = 0.0

    @property
    def session(self) -> LiveSession | None:
        """The stream that runs or ran last."""
        return self.webcam.session


def live_state() -> LiveState:
    """This viewer's."""
    return remembered("live_state", LiveState)


def notice(state: LiveState) -> bool:
    """Say what happens with the camera's picture, and wait until that was read; True once it was."""
    if state.accepted:
        return True
    with st.container(border=True):
        st.subheader("Before the camera opens", anchor=False)
        st.markdown(
            "- **What happens:** your camera's picture is sent to the machine that runs this program. It finds the "
            "faces, estimates the expression each one shows, and sends the picture back with boxes and labels.\n"
            "- **What is kept:** the figures of your last session, its last picture and the snapshot you took, in "
            "memory, until you close this tab or press START again. Nothing is written to disk unless you download "
            "it.\n"
            "- **What it is not for:** an expression is not a feeling. Do not judge or decide about anyone by it: not "
            "in hiring, at school, at work, in policing or in medicine.\n"
            "- **Who must know:** everyone whom the camera shows. Tell them before you press START."
        )

        def accept() -> None:
            state.accepted = True

        st.button("I have read this", type="primary", icon=":material/check:", on_click=accept, key="live_accept")
    return False


def camera(state: LiveState) -> CameraState:
    """The camera with START and STOP, or word that all places are taken.

    Raises:
        FerError: the model, the detector or the network's settings cannot be used.
    """
    network = _network()
    slots = _slots(network.stream_limit)
    # Loaded and warm before START: a frame that waits ten seconds ends the stream.
    bundle = resources.model_in_use()
    model = _model(bundle.hash, bundle)
    if bundle.never_sure:
        st.caption(
            ":material/info: The model in use was not right often enough to be sure of any face, so every face is 'not "
            "sure'. Train it for longer, or put another to use on the Training page."
        )

    def open_session() -> LiveSession | None:
        session = LiveSession(model, state.settings)
        if not slots.enter(session):
            return None
        state.snapshot = None
        return session

    # In this order: an older run of this page may be opening the viewer's own session just now.
    if slots.full() and not ((own := state.session) and own.active):
        _busy(slots)
        return CameraState(on=False, refused=True)
    shown = state.webcam.show(open_session, _servers(state, network))
    if shown.refused:
        _busy(slots)
    elif shown.failure:
        st.error(f"{shown.failure} Press STOP, then START again.", icon=":material/error:")
    return shown


def follow_model(session: LiveSession) -> None:
    """Let a running stream go on with the model in use, where another was put to use since.

    Raises:
        BundleError: that one cannot be used; the stream goes on with the one before.
    """
    bundle = resources.model_in_use()
    model = _model(bundle.hash, bundle)
    if model.name != session.model.name:
        session.change_model(model)


@st.cache_resource(max_entries=2, show_spinner="Loading the model ...")
def _model(bundle_hash: str, _bundle: Bundle) -> LiveModel:
    # One thread: two finish a single face a little sooner and take more of the cores in all.
    classifier = EmotionClassifier(_bundle, threads=1)
    classifier.probabilities(np.zeros((1, SIDE, SIDE, 1), np.uint8))
    return LiveModel(classifier, _bundle.confidence_threshold, f"{_bundle.name} ({_bundle.hash})")


def _network() -> NetworkSettings:
    if st.secrets.load_if_toml_exists():
        return network_settings(st.secrets.to_dict(), os.environ)
    # Streamlit says nothing of a file that it cannot read, and the camera would do without the servers named in it.
    for file in st.get_option("secrets.files"):
        if Path(file).exists():
            raise NetworkError(f"The secrets in {file} cannot be read as TOML; correct the file or take it away.")
    return network_settings({}, os.environ)


def _servers(state: LiveState, network: NetworkSettings) -> list[dict[str, Any]]:
    """Made anew when half of their time is over, and not on every run: every list is kept by streamlit-webrtc."""
    now_s = time.time()
    if now_s - state.servers_s > CREDENTIAL_SECONDS / 2:
        state.servers, state.servers_s = ice_servers(network, now_s), now_s
    return state.servers


@st.cache_resource(show_spinner=False)
def _slots(limit: int) -> StreamSlots:
    return StreamSlots(limit)


def _busy(slots: StreamSlots) -> None:
    @st.fragment(run_every=_BUSY_PULSE_S)
    def waiting() -> None:
        places = "The one place for a camera is" if slots.limit == 1 else f"All {slots.limit} places for cameras are"
        st.warning(
            f"**Busy.** {places} taken on this machine. This page goes on by itself as soon as one is free; meanwhile "
            "you can analyse photos.",
            icon=":material/groups:",
        )
        _to_photos()
        if not slots.full():
            st.rerun()

    waiting()


def _to_photos() -> None:
    entry = menu_entry("Upload")
    if entry.exists:
        st.page_link(entry.path, label="Take a snapshot or drop a photo instead", icon=entry.icon)


def no_picture(state: LiveState, shown: CameraState) -> None:
    """What to do when START brings nothing: at hand while the camera is off, and open after ten seconds of that.

    A START that the browser refuses is told to the viewer alone, so the clock decides, and nothing is claimed. What is
    wrong with a stream that began is said by `fer.ui.live.readings.now`.
    """
    if shown.on or shown.refused:
        state.off_s = None
        return
    off_s = state.off_s = state.off_s or time.monotonic()

    def late() -> bool:
        return time.monotonic() - off_s >= PATIENCE_S

    @st.fragment(run_every=None if late() else PATIENCE_S)
    def panel() -> None:
        with st.expander("Pressed START, and no picture?", icon=":material/help:", expanded=late()):
            checklist()

    panel()


def checklist() -> None:
    """What may keep the camera's picture away, most frequent first, and the way that needs no WebRTC."""
    st.markdown(
        "1. **Permission:** the browser asks once. Allow the camera by the symbol beside the address, then press "
        "START again.\n"
        "2. **Camera busy:** close other programs and tabs that use it, or pick another one with CHOOSE CAMERA.\n"
        "3. **Address:** browsers give cameras only to pages under `https://` or `http://localhost`.\n"
        "4. **Network:** from another network than this machine's the video needs a TURN server; `docs/live.md` says "
        "how to set one."
    )
    _to_photos()


def snapshot(state: LiveState) -> None:
    """Take the picture as it is shown now, look at it, download it."""
    session = state.session

    @st.fragment
    def panel() -> None:
        def take() -> None:
            picture = session.picture() if session else None
            state.snapshot = None if picture is None else encode_jpeg(picture)

        # A file that is made at the click itself (a callable for `data`) is swept away by the next two drawings of any
        # viewer's figures, before a slow browser has fetched it.
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Take a snapshot",
                on_click=take,
                icon=":material/photo_camera:",
                key="live_take",
                help="The picture as it is shown, with boxes, labels and blur.",
            )
            if state.snapshot:
                st.image(state.snapshot, width=_THUMBNAIL_PX, alt="The snapshot you took")
                snapshot_download(state.snapshot, "live_snapshot")

    panel()


def snapshot_download(jpeg: bytes, key: str) -> None:
    """Download a snapshot."""
    st.download_button(
        "Download the snapshot",
        jpeg,
        file_name="live-snapshot.jpg",
        mime="image/jpeg",
        icon=":material/download:",
        on_click="ignore",
        key=key,
    )
