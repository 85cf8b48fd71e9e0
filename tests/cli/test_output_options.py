"""An option that names no file doesn't take the next option for one."""

from pathlib import Path

import pytest

from tests.support.cli import invoke


@pytest.mark.parametrize(
    ("command", "options", "what"),
    [
        ("analyze a.png", "--csv --files-csv --json --summary", "file"),
        ("analyze a.png", "--annotated", "folder"),
        ("video a.mp4", "--csv --parquet --json --report --summary", "file"),
        ("video a.mp4", "--annotated", "folder"),
        ("evaluate synthetic", "--json --report", "file"),
        ("doctor synthetic", "--json --csv", "file"),
        ("data export faces --to csv", "--output", "file"),
        ("batch photos --out results", "--csv --files-csv", "file"),
        ("batch photos", "--out", "folder"),
    ],
)
def test_the_next_option_is_not_taken_for_a_file(
    command: str, options: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for option in options.split():
        result = invoke(*command.split(), option, "--quiet")
        assert result.exit_code == 2 and not result.stdout
        sentence = f"{option} needs a {what}, and '--quiet' is an option; name the {what} between them."
        assert " ".join(result.stderr.split()).endswith(f"Error: {sentence}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["-", "-.json", "./--fresh"])
def test_other_names_are_files(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke("analyze", "gone.png", "--quiet", "--json", name)
    assert result.exit_code == 1 and "needs a file" not in result.stderr
    assert "gone.png" in (result.stdout if name == "-" else (tmp_path / name).read_text("utf-8"))
