"""The summary of all videos on the Video page."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from streamlit.testing.v1 import AppTest

from fer.storage.files import write_json
from fer.storage.schema import read_object
from fer.video.job import SUMMARY
from tests.support.clips import Clip, moving_portrait, plain
from tests.support.videos import analysed


def test_the_summary_counts_videos_and_leaves_out_those_made_otherwise(
    tiny_model: Path, open_page: Callable[[str], AppTest], tmp_path: Path
) -> None:
    clip = Clip().write(tmp_path / "clip.mp4", [*plain(2), *moving_portrait(4)])
    other, ann, _ = [analysed(clip, name) for name in ("other.mp4", "ann.mp4", "ben.mp4")]
    values = read_object(other.folder / SUMMARY)
    values["about"]["detector"] = "haar"
    write_json(other.folder / SUMMARY, values)
    # As an earlier version wrote it.
    values = read_object(ann.folder / SUMMARY)
    del values["about"]["weights"]
    write_json(ann.folder / SUMMARY, values)
    page = open_page("pages/2_Video.py")
    page.session_state["video_summary"] = True
    page.run()
    assert not page.exception and not page.error
    numbers = {metric.label: metric.value for metric in page.metric}
    assert numbers == {"Videos": "2", "Without a face": "0", "Frames": "12", "Frames without a face": "4"}
    assert any("Without 1 video that another model" in caption.value for caption in page.caption)
    assert any("12 frames of 2 videos" in code.value for code in page.code)


def test_the_tables_to_download_have_the_group_of_the_summary(
    tiny_model: Path, open_page: Callable[[str], AppTest], tmp_path: Path, quick_summaries: None
) -> None:
    clip = Clip().write(tmp_path / "clip.mp4", moving_portrait(4))
    for name in ("ann_1.mp4", "ben_1.mp4"):
        analysed(clip, name)
    page = open_page("pages/2_Video.py")
    page.session_state["video_summary"] = True
    page.run()

    def groups() -> dict[str, list[str]]:
        links = {link.proto.label: urlsplit(link.proto.url) for link in page.get("link_button")}
        return {label: parse_qs(link.query).get("group", []) for label, link in links.items()}

    assert groups() == {label: [] for label in ("CSV", "Parquet", "JSON", "Annotated video", "Report", "Subtitles")}
    page.segmented_control(key="video_group_by").set_value("File name").run()
    assert not page.exception and groups() == {
        **{label: ["ben"] for label in ("CSV", "Parquet", "JSON")},
        **{label: [] for label in ("Annotated video", "Report", "Subtitles")},
    }
