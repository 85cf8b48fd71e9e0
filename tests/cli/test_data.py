import json
import re
import shlex
from pathlib import Path

import pytest

from fer.cli.data import import_command
from fer.datasets.readers.orders import parse_order
from fer.datasets.store import catalog
from fer.datasets.store.corrections import correct, corrections_file, write_corrections
from fer.paths import CHECKOUT, data_dir
from tests.support.cli import Command, command
from tests.support.forms import (
    csv_lines,
    image_files,
    plus,
    snapshot,
    synthetic_faces,
    votes_lines,
    write_files,
    write_lines,
    zip_bytes,
)


@pytest.fixture
def data(fer_home: Path) -> Command:
    """Run `fer data`."""
    return command("data")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "fer2013.csv", csv_lines(synthetic_faces()))


def test_a_table_is_imported_listed_shown_and_deleted(data: Command, table: Path) -> None:
    imported = data("import", table)
    assert imported.exit_code == 0
    assert "42 rows read, 42 kept, 0 rejected." in imported.stdout
    listed = json.loads(data("list", "--json").stdout)
    assert [(item["name"], item["n_images"]) for item in listed] == [("fer2013", 42)]
    shown = json.loads(data("show", "fer2013", "--json").stdout)
    assert shown["fingerprint"] == synthetic_faces().fingerprint
    assert shown["counts"]["train"]["happy"] == 4
    assert shown["bytes"] == catalog.disk_bytes("fer2013")
    assert data("delete", "fer2013", "--yes").exit_code == 0
    assert json.loads(data("list", "--json").stdout) == []
    assert not (data_dir() / "fer2013").exists() and table.exists()


def test_without_json_the_output_is_a_table(data: Command, table: Path) -> None:
    assert "No dataset yet" in data("list").stdout
    data("import", table)
    assert synthetic_faces().fingerprint in data("list").stdout
    shown = data("show", "fer2013").stdout
    assert "surprise" in shown and "validation" in shown and str(table) in shown


def test_rejected_rows_are_counted_and_their_list_is_named(data: Command, tmp_path: Path) -> None:
    lines = csv_lines(synthetic_faces())
    lines[7] = "8" + lines[7][1:]
    result = data("import", write_lines(tmp_path / "fer2013.csv", lines), "--name", "mine")
    assert "42 rows read, 41 kept, 1 rejected." in result.stdout
    file = data_dir() / "mine" / "rejected.csv"
    assert str(file) in result.stdout.replace("\n", "")
    assert file.read_text("utf-8").splitlines()[1] == "line 8,label '8' is not the name or number of a class"


def test_votes_and_folders_and_zips_are_imported(data: Command, table: Path, tmp_path: Path) -> None:
    votes = write_lines(tmp_path / "crowd.csv", votes_lines(synthetic_faces()))
    assert data("import", table, "--votes", votes).exit_code == 0
    (tmp_path / "faces.zip").write_bytes(zip_bytes(image_files(synthetic_faces())))
    assert "42 files read" in data("import", tmp_path / "faces.zip").stdout
    assert data("import", write_files(tmp_path / "faces", image_files(synthetic_faces()))).exit_code == 0
    listed = json.loads(data("list", "--json").stdout)
    assert [item["name"] for item in listed] == ["faces", "faces-2", "fer2013"]
    assert len({item["fingerprint"] for item in listed}) == 1
    assert [item["has_votes"] for item in listed] == [False, False, True]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("import", "nowhere.csv"), "nowhere.csv doesn't exist, and no dataset is called 'nowhere.csv'"),
        (("show", "nothing"), "no dataset 'nothing'; import one first"),
        (("delete", "nothing", "--yes"), "no dataset 'nothing'"),
        (("delete", "../home", "--yes"), "no dataset"),
        (("clean", "nothing", "new"), "no dataset 'nothing'"),
    ],
)
def test_failures_give_one_sentence(data: Command, arguments: tuple[str, ...], message: str) -> None:
    result = data(*arguments)
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr.startswith("Error: ") and message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_failed_import_changes_nothing(data: Command, table: Path, tmp_path: Path, fer_home: Path) -> None:
    data("import", table)
    before = snapshot(fer_home)
    (tmp_path / "bad.zip").write_bytes(zip_bytes({**image_files(synthetic_faces()), "../evil": b"x"}))
    assert data("import", tmp_path / "bad.zip").exit_code == 1
    assert data("import", table, "--name", "fer2013").exit_code == 1
    assert snapshot(fer_home) == before


def test_deleting_asks_for_confirmation(data: Command, table: Path) -> None:
    data("import", table)
    assert data("delete", "fer2013", answer="n\n").exit_code != 0
    assert (data_dir() / "fer2013").exists()
    asked = data("delete", "fer2013", answer="y\n")
    assert asked.exit_code == 0 and "kB" in asked.stderr
    assert not (data_dir() / "fer2013").exists()


@pytest.mark.parametrize("form", ["csv", "folders", "parquet"])
def test_an_export_is_imported_as_the_same_dataset(data: Command, table: Path, tmp_path: Path, form: str) -> None:
    data("import", table)
    dataset = catalog.open_dataset("fer2013").dataset
    write_corrections(corrections_file(data_dir() / "fer2013"), [correct(dataset, 5, None)])
    for arguments, n_images in (((), 42), (("--corrections",), 41)):
        target = tmp_path / f"out{n_images}{'' if form == 'folders' else f'.{form}'}"
        exported = data("export", "fer2013", "--to", form, "--output", target, *arguments)
        assert exported.exit_code == 0 and f"Exported {n_images} images" in exported.stdout
        assert data("import", target, "--name", f"back{n_images}").exit_code == 0
        assert catalog.get_info(f"back{n_images}").n_images == n_images
    assert catalog.get_info("back42").fingerprint == dataset.fingerprint
    again = data("export", "fer2013", "--to", form, "--output", target)
    assert again.exit_code == 1 and "already exists" in again.stderr


def test_numbered_folders_need_an_order(data: Command, tmp_path: Path) -> None:
    (tmp_path / "faces.zip").write_bytes(zip_bytes(image_files(synthetic_faces(), tuple("0123456"))))
    refused = data("import", tmp_path / "faces.zip")
    assert refused.exit_code == 1 and "--labels affectnet" in refused.stderr
    assert data("import", tmp_path / "faces.zip", "--labels", "fer2013").exit_code == 0
    assert catalog.get_info("faces").fingerprint == synthetic_faces().fingerprint
    wrong = data("import", tmp_path / "faces.zip", "--labels", "0=bored")
    assert wrong.exit_code == 1 and "can't be read at '0=bored'" in wrong.stderr


def test_a_cleaned_copy_reports_what_it_left_out(data: Command, tmp_path: Path) -> None:
    dataset = synthetic_faces()
    dataset = plus(dataset, dataset.images[2], int(dataset.labels[2]))
    dataset = plus(dataset, dataset.images[0] * 0, 4)
    data("import", write_lines(tmp_path / "fer2013.csv", csv_lines(dataset)))
    write_corrections(corrections_file(data_dir() / "fer2013"), [correct(dataset, 5, None)])
    assert "Not applied: 1 correction made by hand." in data("clean", "fer2013", "plain").stdout
    result = data("clean", "fer2013", "cleaned", "--corrections")
    assert result.exit_code == 0
    for line in ("exact duplicates: 1.", "blank images: 1.", "discarded by hand: 1."):
        assert f"Left out, {line}" in result.stdout
    assert json.loads(data("show", "cleaned", "--json").stdout)["n_images"] == 41
    only = data("clean", "fer2013", "no-blanks", "--drop", "blank")
    assert json.loads(data("show", "no-blanks", "--json").stdout)["n_images"] == 43, only.stdout


def test_the_next_command_removes_what_a_killed_import_left_behind(data: Command, table: Path) -> None:
    left = data_dir() / ".staging" / "abandoned"
    left.mkdir(parents=True)
    (left / "images.npy").write_bytes(b"half")
    data("list")
    assert not left.exists()


def test_a_source_that_looks_like_markup_is_listed_verbatim(data: Command, tmp_path: Path) -> None:
    (tmp_path / "[").mkdir()
    table = write_lines(tmp_path / "[" / "z] fer2013.csv", csv_lines(synthetic_faces()))
    assert data("import", table, "--name", "mine").exit_code == 0
    listed = data("list")
    assert listed.exit_code == 0 and "[/z]" in "".join(listed.stdout.split())
    (data_dir() / "mine").rename(data_dir() / "[b]")
    assert "[b]" in data("list").stdout and "[b]" in data("show", "[b]").stdout


def test_a_renamed_dataset_is_shown_by_its_new_name(data: Command, table: Path) -> None:
    data("import", table)
    (data_dir() / "fer2013").rename(data_dir() / "yours")
    assert json.loads(data("list", "--json").stdout)[0]["name"] == "yours"
    assert json.loads(data("show", "yours", "--json").stdout)["n_images"] == 42
    assert data("show", "fer2013").exit_code == 1


def test_each_import_in_the_docs_is_a_valid_command() -> None:
    text = (CHECKOUT / "docs" / "data.md").read_text("utf-8")
    commands = set(re.findall(r"`(fer data import [^`]+)`", text))
    assert len(commands) >= 8
    for typed in commands:
        context = import_command.make_context("import", shlex.split(typed)[3:])
        if order := context.params["labels"]:
            # '...' stands for the numbers that follow.
            assert parse_order(order.removesuffix(",...")).labels


def test_the_name_of_a_file_controls_no_terminal_in_an_error(data: Command, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a\nb\x1b[2J\u202e.csv", ["a,b", "1,2"])
    refused = data("import", file)
    assert refused.exit_code == 1
    assert refused.stderr.startswith(r"Error: a\nb\x1b[2J\u202e.csv has no column 'pixels'; ")
    assert refused.stderr.count("\n") == 1
