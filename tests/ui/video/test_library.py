from pathlib import Path

from fer.jobs.job import DONE, STOPPED
from fer.ui.video.library import Listed, _labels
from fer.video.job import VideoJob


def listed(video_id: str, state: str = DONE, added: float = 1_700_000_000.0) -> Listed:
    return Listed(VideoJob(Path(video_id)), state, "clip.mp4", added)


def test_each_video_has_a_label_of_its_own() -> None:
    labels = _labels([listed("a-1111"), listed("b-2222"), listed("c-3333", STOPPED), listed("d-4444", added=0.0)])
    assert len(set(labels.values())) == 4
    assert labels["b-2222"] == f"{labels['a-1111']} · 2222"
    assert labels["c-3333"].startswith("clip.mp4 · stopped · 2023-11-1")
    assert labels["d-4444"] == "clip.mp4"
