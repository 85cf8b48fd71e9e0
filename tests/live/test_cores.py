import os
from pathlib import Path

import pytest

from fer.live import cores
from fer.live.ice import NetworkSettings


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("200000 100000", 2), ("250000 100000", 3), ("10000 100000", 1), ("max 100000", 16), ("", 16), ("0 0", 16)],
)
def test_a_container_uses_the_cores_it_was_given(
    quota: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(cores, "_QUOTA", tmp_path / "cpu.max")
    assert cores.usable_cores() == expected


@pytest.mark.parametrize(("n_cores", "streams"), [(1, 1), (2, 2), (8, 8), (32, 8)])
def test_there_is_a_camera_per_core_as_far_as_one_process_goes(
    n_cores: int, streams: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer.live.ice.usable_cores", lambda: n_cores)
    assert NetworkSettings().stream_limit == streams
    assert NetworkSettings(max_streams=20).stream_limit == 20
