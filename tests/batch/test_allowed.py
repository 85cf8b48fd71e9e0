"""What a user of the page may name: files below the allowed folders, and nothing that a link leads to."""

import os
from pathlib import Path

import pytest

from fer.batch.allowed import Allowed, allowed, find_inputs, folders_below, name_below
from fer.batch.census import Census, count
from fer.batch.listing import Listing
from fer.batch.settings import Inputs
from fer.errors import BatchError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An allowed folder with photos, next to another one, and links from the first to the second."""
    root, secret = tmp_path / "allowed", tmp_path / "secret"
    for file in (root / "a" / "1.jpg", root / "a" / "deep" / "2.mp4", root / "3.png", secret / "4.jpg"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"xyz")
    (root / "notes.txt").write_bytes(b"x")
    (root / "to-folder").symlink_to(secret)
    (root / "to-file.jpg").symlink_to(secret / "4.jpg")
    (root / "a" / "inside.jpg").symlink_to(root / "3.png")
    (tmp_path / "allowed-not").mkdir()
    return root


@pytest.mark.parametrize("text", ["a", "./a/", "{root}/a", "to-folder/../a"])
def test_a_folder_below_a_root_is_found_however_it_is_written(text: str, root: Path) -> None:
    assert find_inputs([text.format(root=root)], [root]) == (str(root / "a"),)


@pytest.mark.parametrize(
    "text",
    [
        *("..", "a/../../secret", "/etc/passwd", "{root}-not", "to-folder", "to-folder/4.jpg", "to-file.jpg"),
        *("to-folder/*.jpg", "../secret/*", "file:///etc", "s3://bucket/x", "a\0b"),
    ],
)
def test_nothing_else_can_be_named(text: str, root: Path) -> None:
    with pytest.raises(BatchError, match=r"isn't (below|a path)"):
        find_inputs([text.format(root=root)], [root])


def test_what_is_missing_is_told_and_patterns_may_match_later(root: Path) -> None:
    with pytest.raises(BatchError, match=r"'b' isn't there; check its name"):
        find_inputs(["b"], [root])
    assert find_inputs(["a/*.jpg"], [root]) == (str(root / "a" / "*.jpg"),)


def test_a_name_is_looked_for_below_each_root(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "secret"
    assert find_inputs(["4.jpg", "3.png"], [root, other]) == (str(other / "4.jpg"), str(root / "3.png"))


@pytest.mark.parametrize("named", ["{root}", "{root}/*", "{root}/**/*.jpg"])
def test_links_that_lead_out_are_refused_while_files_are_listed(named: str, root: Path) -> None:
    listing = Listing(Inputs((named.format(root=root),)), roots=[os.path.realpath(root)])
    found = {os.path.relpath(one.path, root) for one in listing}
    assert not {name for name in found if name.startswith("to-")} and "a/inside.jpg" in found
    refused = {os.path.relpath(name, root) for name, why in listing.failures if "leads out of the allowed" in why}
    assert "to-file.jpg" in refused


def test_a_url_is_refused_below_roots(root: Path) -> None:
    listing = Listing(Inputs(("file:///etc", "memory://x")), roots=[str(root)])
    assert list(listing) == [] and [name for name, _ in listing.failures] == ["file:///etc", "memory://x"]


def test_the_census_counts_what_a_batch_would_analyse(root: Path) -> None:
    told: list[int] = []
    found = count([str(root / "a"), str(root)], [str(root)], told.append)
    assert found == Census(3, 1, 12, 1, found.failures) and found.n_files == 4
    assert [Path(name).name for name, _ in found.failures] == ["to-file.jpg", "to-folder"]


def test_folders_are_offered_from_the_root_on_without_links_and_hidden_ones(root: Path) -> None:
    (root / ".hidden").mkdir()
    (root / "b").mkdir()
    expected = [root, root / "a", root / "b", root / "a" / "deep"]
    assert folders_below([root, root / "gone"], 10) == list(map(str, expected))
    assert folders_below([root], 2) == list(map(str, expected[:2]))


@pytest.mark.skipif(os.name == "nt", reason="names of this system are Unicode")
def test_folders_whose_name_is_not_utf8_are_left_out_with_those_below(root: Path) -> None:
    strange = root / os.fsdecode(b"caf\xe9")
    try:
        (strange / "inside").mkdir(parents=True)
        (strange / "inside" / "5.jpg").write_bytes(b"x")
    except OSError:
        pytest.skip("this disk has no such names")
    (root / "café").mkdir()
    assert folders_below([root, strange], 10) == [str(root / name) for name in (".", "a", "café", "a/deep")]
    # Those that choose the folder above get them all the same.
    assert count([str(root)], [str(root)], lambda _: None).n_photos == 4


def test_names_have_the_name_of_the_root_in_front(root: Path) -> None:
    assert name_below(str(root / "a" / "deep"), [root]) == "allowed/a/deep"
    assert name_below(str(root), [root]) == "allowed" and name_below("/elsewhere", [root]) == "/elsewhere"


def test_roots_of_the_same_name_are_told_apart_by_their_whole_paths() -> None:
    roots = [Path("/disk1/photos"), Path("/disk2/photos"), Path("/disk2/clips"), Path("/disk2/clips")]
    folders = [f"{root}{below}" for root in dict.fromkeys(roots) for below in ("", "/a")]
    names = [name_below(folder, roots) for folder in folders]
    assert names == [*folders[:4], "clips", "clips/a"]
    assert name_below("/a/b", [Path("/")]) == "/a/b"
    inner = [Path("/srv"), Path("/srv/photos"), Path("/disk1/photos")]
    assert name_below("/srv/photos/a", inner) == "srv/photos/a"


def test_settings_come_from_the_environment_before_the_secrets(tmp_path: Path) -> None:
    secrets = {"batch": {"roots": [str(tmp_path)], "scheduler": "tls://h:1", "tls_ca": "ca.pem"}}
    assert allowed({}, {}, tmp_path) == Allowed((tmp_path,))
    assert allowed(secrets, {}, Path("/default")) == Allowed((tmp_path,), "tls://h:1", {"ca": "ca.pem"})
    both = f"{tmp_path}{os.pathsep}/srv"
    assert allowed(secrets, {"FER_BATCH_ROOTS": both}, tmp_path).roots == (tmp_path, Path("/srv"))
    environment = {"FER_BATCH_SCHEDULER": "tls://other:1", "FER_BATCH_TLS_KEY": "own.key", "FER_BATCH_TLS_CERT": ""}
    found = allowed(secrets, environment, tmp_path)
    assert found == Allowed((tmp_path,), "tls://other:1", {"ca": "ca.pem", "key": "own.key"})
    assert allowed({}, dict.fromkeys(environment, ""), tmp_path) == Allowed((tmp_path,))


def test_an_allowed_folder_whose_name_is_not_utf8_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BatchError, match=r"The name of the folder '/srv/caf\\udce9' isn't UTF-8; .*\[batch\]"):
        allowed({}, {"FER_BATCH_ROOTS": f"/srv{os.pathsep}/srv/caf\udce9"}, tmp_path)


@pytest.mark.parametrize(
    "batch", [[], {"roots": "/srv"}, {"roots": []}, {"roots": ["photos"]}, {"roots": [1]}, {"scheduler": 1}]
)
def test_wrong_settings_are_one_sentence(batch: object, tmp_path: Path) -> None:
    with pytest.raises(BatchError, match=r"\[batch\]"):
        allowed({"batch": batch}, {}, tmp_path)


def test_names_that_would_break_or_turn_a_line_are_written_out() -> None:
    root = Path("/srv/photos")
    assert name_below("/srv/photos/a\nb/\u202egpj.exe", [root]) == r"photos/a\nb/\u202egpj.exe"
    assert name_below("/elsewhere/a\nb", [root]) == r"/elsewhere/a\nb"
