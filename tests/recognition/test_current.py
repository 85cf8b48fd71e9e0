import threading
from pathlib import Path

import pytest

from fer import paths
from fer.errors import BundleError
from fer.recognition.current import current_bundle_path, use_bundle, use_shipped
from tests.support.builders import make_bundle


def test_without_a_choice_the_shipped_model_is_used(fer_home: Path) -> None:
    assert current_bundle_path() == paths.SHIPPED_BUNDLE
    use_shipped()
    assert list(fer_home.iterdir()) == []


def test_a_choice_lasts_until_the_shipped_model_is_chosen(fer_home: Path, tmp_path: Path) -> None:
    inside = make_bundle(fer_home / "runs" / "one" / "bundle").path
    outside = make_bundle(tmp_path / "elsewhere").path
    for chosen in (inside, outside, inside):
        use_bundle(chosen)
        assert current_bundle_path() == chosen
    assert [path.name for path in paths.runs_dir().iterdir() if path.is_file()] == ["current.json"]
    use_shipped()
    assert current_bundle_path() == paths.SHIPPED_BUNDLE


def test_a_choice_moves_with_its_home(fer_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_bundle(make_bundle(fer_home / "runs" / "one" / "bundle").path)
    moved = fer_home.rename(tmp_path / "moved")
    monkeypatch.setenv("FER_HOME", str(moved))
    assert current_bundle_path() == moved / "runs" / "one" / "bundle"


def test_a_missing_model_is_replaced_by_the_shipped_one(fer_home: Path) -> None:
    bundle = make_bundle(fer_home / "runs" / "one" / "bundle")
    use_bundle(bundle.path)
    bundle.path.rename(fer_home / "away")
    assert current_bundle_path() == paths.SHIPPED_BUNDLE


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"bundle": 3}', '{"bundle": null}', "\udcff"])
def test_a_damaged_choice_counts_as_missing(fer_home: Path, content: str) -> None:
    paths.runs_dir().mkdir()
    paths.current_model_file().write_text(content, errors="surrogateescape")
    assert current_bundle_path() == paths.SHIPPED_BUNDLE


def test_a_folder_without_a_model_cannot_be_used(fer_home: Path, tmp_path: Path) -> None:
    chosen = make_bundle(fer_home / "runs" / "one" / "bundle").path
    use_bundle(chosen)
    broken = make_bundle(tmp_path / "broken").path
    (broken / "model.onnx").write_bytes(b"changed")
    with pytest.raises(BundleError, match=r"model\.onnx"):
        use_bundle(broken)
    assert current_bundle_path() == chosen


def test_a_full_disk_keeps_the_choice_and_leaves_no_partial_file(
    fer_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen, other = make_bundle(tmp_path / "one").path, make_bundle(tmp_path / "two").path
    use_bundle(chosen)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fer.storage.files.os.fsync", full)
    with pytest.raises(BundleError, match="No space"):
        use_bundle(other)
    assert current_bundle_path() == chosen
    assert [path.name for path in paths.runs_dir().iterdir()] == ["current.json"]


def test_readers_never_see_a_partial_choice(fer_home: Path, tmp_path: Path) -> None:
    folders = [make_bundle(tmp_path / name).path for name in ("one", "two")]
    use_bundle(folders[0])
    seen: set[Path] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(current_bundle_path())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(40):
            use_bundle(folders[number % 2])
    finally:
        done.set()
        reader.join()
    assert seen <= set(folders), "the shipped model served in between"
