"""Show the notice, the camera, and what to do if it doesn't start."""

import os
import time
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import streamlit as st

from fer.arrays import SIDE
from fer.live.ice import CREDENTIAL_SECONDS, NetworkSettings, ice_servers, network_settings
from fer.live.session import LiveSession
from fer.live.settings import LiveSettings
from fer.live.slots import StreamSlots
from fer.recognition.bundle import Bundle
from fer.recognition.classifier import EmotionClassifier
from fer.recognition.current import current_bundle_path
from fer.recognition.weights import bundle_to_serve
from fer.streams.pipeline import StreamModel
from fer.ui import resources
from fer.ui.frame import menu_entry
from fer.ui.live.route import no_route
from fer.ui.live.webcam import CameraState, Webcam
from fer.ui.messages import show_error
from fer.ui.secrets import read_secrets
from fer.ui.state import remembered
from fer.vision.comments import with_comment
from fer.vision.images import encode_jpeg

# How often numbers and charts are drawn while the camera is on.
PULSE_S: Final = 1.0
# Without a frame for this long, the page says what may be wrong.
PATIENCE_S: Final = 10.0
# Whoever presses STOP sooner than this after START may just have changed their mind.
_SHORT_S: Final = 3.0
_BUSY_PULSE_S: Final = 2.0
_THUMBNAIL_PX: Final = 96


@dataclass
class LiveState:
    """The state of one viewer's page.

    Attributes:
        webcam: the camera component and its sessions.
        settings: the chosen settings.
        accepted: whether the viewer accepted the notice.
        off_s: the monotonic time since which the camera has been off; None while it is on or unavailable.
        snapshot: the last snapshot of this session, as JPEG.
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
        """Return the current or last stream."""
        return self.webcam.session


def live_state() -> LiveState:
    """Return this viewer's state."""
    return remembered("live_state", LiveState)


def notice(state: LiveState) -> bool:
    """Explain what happens with the camera's picture. Return whether the viewer has accepted it."""
    if state.accepted:
        return True
    with st.container(border=True):
        st.subheader("Before the camera opens", anchor=False)
        st.markdown(
            "- **What happens:** your browser sends the camera's picture to the machine that runs this program. It "
            "detects the faces, predicts the expression each one shows, and sends the picture back with boxes and "
            "labels.\n"
            "- **What is stored:** nothing on disk. The record of your last session, its last picture and your "
            "snapshot stay in memory until you reload or close this tab or press START again. You can download them.\n"
            "- **What it is not for:** an expression is not a feeling. Don't use it to decide about anyone: not in "
            "hiring, at school, at work, in policing or in medicine.\n"
            "- **Who must know:** everyone in the picture. Tell them before you press START."
        )

        def accept() -> None:
            state.accepted = True

        st.button("I have read this", type="primary", icon=":material/check:", on_click=accept, key="live_accept")
    return False


def camera(state: LiveState) -> CameraState:
    """Show the camera with START and STOP, or a message if too many viewers use it.

    Raises:
        FerError: the model, the detector or the network settings can't be used.
    """
    network = _network()
    slots = _slots(network.stream_limit)
    # Load the model before START, because a frame that waits ten seconds ends the stream.
    bundle = resources.model_in_use()
    model = _model(bundle.hash, bundle)
    if bundle.never_sure:
        st.caption(
            ":material/info: The model in use wasn't accurate enough in its training to be sure of any face, so it "
            "always says 'not sure'. Train it longer, or choose another model on the Training page."
        )

    def open_session() -> LiveSession | None:
        session = LiveSession(model, state.settings, replacement=_model_in_use)
        if not slots.enter(session):
            return None
        state.snapshot = None
        return session

    # In this order, because an older run of this page may just be opening the viewer's own session.
    if slots.full() and not ((own := state.session) and own.active):
        _busy(slots)
        return CameraState(on=False, refused=True)
    shown = state.webcam.show(open_session, _servers(state, network))
    if shown.refused:
        _busy(slots)
    elif shown.failure:
        show_error(f"{shown.failure} Press STOP, then START again.")
    return shown


def follow_model(session: LiveSession) -> None:
    """Switch a running stream to the model in use, if that has changed.

    Raises:
        BundleError: the new model can't be used. The stream continues with the old one.
    """
    bundle = resources.model_in_use()
    model = _model(bundle.hash, bundle)
    if model.name != session.model.name:
        session.change_model(model)


@st.cache_resource(max_entries=2, show_spinner="Loading the model ...")
def _model(bundle_hash: str, _bundle: Bundle) -> StreamModel:
    return _loaded(_bundle)


def _model_in_use() -> StreamModel:
    """Load the model in use in a camera's thread, which must not call Streamlit."""
    return _loaded(bundle_to_serve(current_bundle_path(), measure=False))


def _loaded(bundle: Bundle) -> StreamModel:
    # One thread: two are slightly faster for a single face but take more processor time in total.
    classifier = EmotionClassifier(bundle, threads=1)
    classifier.probabilities(np.zeros((1, SIDE, SIDE, 1), np.uint8))
    return StreamModel.of(bundle, classifier)


def _network() -> NetworkSettings:
    return network_settings(read_secrets(), os.environ)


def _servers(state: LiveState, network: NetworkSettings) -> list[dict[str, Any]]:
    """Return the servers. They change only when half of their lifetime is over: streamlit-webrtc keeps every list."""
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
        limit = "One other viewer is" if slots.limit == 1 else f"{slots.limit} other viewers are"
        st.warning(
            f"**Busy.** {limit} using the camera on this machine, which is its limit. This page continues "
            "automatically when one of them stops. Meanwhile, you can analyse photos.",
            icon=":material/groups:",
        )
        _to_photos()
        if not slots.full():
            st.rerun()

    waiting()


def _to_photos() -> None:
    entry = menu_entry("Upload")
    if entry.exists:
        st.page_link(entry.path, label="Analyse a snapshot or a photo instead", icon=entry.icon)


def no_picture(state: LiveState, shown: CameraState) -> None:
    """Offer help while the camera is off, opened after ten seconds.

    The server doesn't learn when a browser refuses START, so only time can tell. `fer.ui.live.readings.now` reports
    what is wrong with a stream that did start.
    """
    if shown.on or shown.refused:
        state.off_s = None
        return
    off_s = state.off_s = state.off_s or time.monotonic()
    if state.webcam.waited_in_vain_s() > _SHORT_S:
        show_no_route(state)

    def late() -> bool:
        return time.monotonic() - off_s >= PATIENCE_S

    @st.fragment(run_every=None if late() else PATIENCE_S)
    def panel() -> None:
        with st.expander("No picture after START?", icon=":material/help:", expanded=late()):
            checklist()

    panel()


def show_no_route(state: LiveState) -> None:
    """Say that the camera works and the network doesn't, and link to snapshots, which need no WebRTC."""
    st.error(no_route(state.webcam.candidates, has_turn=bool(_network().turn_urls)), icon=":material/wifi_off:")
    _to_photos()


def checklist() -> None:
    """Show what may be wrong, most frequent first, and a link to snapshots, which need no WebRTC."""
    st.markdown(
        "1. **Permission:** the browser asks only once. Allow the camera with the icon next to the address, then press "
        "START again.\n"
        "2. **Camera in use:** close other programs and tabs that use it, or pick another one with CHOOSE CAMERA.\n"
        "3. **Address:** browsers allow the camera only on pages under `https://` or `http://localhost`.\n"
        "4. **Network:** if your browser is in another network than this machine, the video needs a TURN server. "
        "`docs/live.md` explains how to set one up."
    )
    _to_photos()


def snapshot(state: LiveState) -> None:
    """Let the viewer take a snapshot of the current picture, look at it and download it."""
    session = state.session

    @st.fragment
    def panel() -> None:
        def take() -> None:
            state.snapshot = picture_file(session) if session else None

        # Prepared before the click: with a callable for `data`, Streamlit deletes the file after the next two fragment
        # runs of any viewer, before a slow browser has fetched it.
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Take snapshot",
                on_click=take,
                icon=":material/photo_camera:",
                key="live_take",
                help="Saves the picture as shown, with boxes, labels and blur.",
            )
            if state.snapshot:
                st.image(state.snapshot, width=_THUMBNAIL_PX, alt="Your snapshot")
                snapshot_download(state.snapshot, "live_snapshot")

    panel()


def picture_file(session: LiveSession) -> bytes | None:
    """Return the current picture as JPEG, whose comment says what made it; None if no frame arrived."""
    picture = session.picture()
    return None if picture is None else with_comment(encode_jpeg(picture), session.provenance().text)


def snapshot_download(jpeg: bytes, key: str) -> None:
    """Offer a snapshot for download."""
    st.download_button(
        "Download snapshot",
        jpeg,
        file_name="live-snapshot.jpg",
        mime="image/jpeg",
        icon=":material/download:",
        on_click="ignore",
        key=key,
    )
