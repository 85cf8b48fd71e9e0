"""Import datasets on the Data page."""

import threading
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fer.datasets.faces import FaceDataset
from fer.datasets.store import catalog
from fer.paths import CHECKOUT
from fer.text import literal
from fer.ui import jobs
from fer.ui.data import importing
from tests.support.data_page import (
    PAGE,
    PATIENCE_S,
    OpenPage,
    button,
    captions_of,
    finished,
    has_button,
    images_of,
    import_files,
)
from tests.support.forms import (
    csv_lines,
    image_files,
    png,
    snapshot,
    synthetic_faces,
    votes_lines,
    write_lines,
    zip_bytes,
)
from tests.support.markdown import plain


def test_an_upload_is_imported_and_summed_up(fer_home: Path, open_page: OpenPage) -> None:
    lines = csv_lines(synthetic_faces())
    lines[6] = "9" + lines[6][1:]
    app = import_files(open_page(PAGE), {"fer2013.csv": "\n".join(lines).encode()})
    assert [text.value for text in app.success] == ["Imported 'fer2013': 42 rows read, 41 kept, 1 rejected."]
    rejected = next(frame.value for frame in app.dataframe if "Reason" in frame.value)
    assert rejected.iloc[0].to_dict() == {
        "Where": "line 7",
        "Reason": "label '9' is not the name or number of a class",
    }
    assert any(item.proto.label == "Not imported, as CSV" for item in app.get("download_button"))
    assert app.selectbox(key="data_dataset").value == "fer2013"
    button(app, "Close").click().run()
    assert not app.success and not app.exception


def numbered() -> bytes:
    """A zip in AffectNet's order: neutral, happy, sad, surprise, fear, disgust, angry."""
    dataset = synthetic_faces(70, 0, 0)
    places = [6, 3, 4, 5, 2, 1, 0]
    return zip_bytes(image_files(dataset, [str(places.index(label)) for label in range(7)]))


def test_numbered_classes_need_an_order_and_show_six_faces_each(fer_home: Path, open_page: OpenPage) -> None:
    app = import_files(open_page(PAGE), {"affectnet.zip": numbered()})
    assert catalog.list_datasets() == [] and not app.exception
    assert any("Which number is which class?" in text.value for text in app.markdown)
    assert len(images_of(app)) == 42 and not any(item.label == "Import with this order" for item in app.button)
    app.selectbox(key="data_label_order").set_value("affectnet").run()
    assert {"**0: neutral**", "**6: angry**"} <= {text.value for text in app.markdown}
    app = finished(button(app, "Import with this order").click().run())
    assert catalog.get_info("affectnet").fingerprint == synthetic_faces(70, 0, 0).fingerprint
    assert "70 files read, 70 kept, 0 rejected" in app.success[0].value


def test_a_custom_order_is_chosen_number_by_number(fer_home: Path, open_page: OpenPage) -> None:
    app = import_files(open_page(PAGE), {"mine.zip": numbered()})
    app.selectbox(key="data_label_order").set_value("custom").run()
    for number, label in enumerate([6, 3, 4, 5, 2, 1, 0]):
        # Until each number has a class, there is nothing to confirm.
        assert not any(item.label == "Import with this order" for item in app.button)
        app.selectbox(key=f"data_label_order_{number}").set_value(label).run()
    finished(button(app, "Import with this order").click().run())
    assert catalog.get_info("mine").fingerprint == synthetic_faces(70, 0, 0).fingerprint


def test_cancelling_the_question_changes_nothing(fer_home: Path, open_page: OpenPage) -> None:
    app = import_files(open_page(PAGE), {"affectnet.zip": numbered()})
    button(app, "Close").click().run()
    assert not app.warning and catalog.list_datasets() == []


def test_a_zip_with_votes_is_imported_under_the_chosen_name(fer_home: Path, open_page: OpenPage) -> None:
    files = {
        "fer2013.csv": "\n".join(csv_lines(synthetic_faces())).encode(),
        "fer2013new.csv": "\n".join(votes_lines(synthetic_faces())).encode(),
    }
    app = import_files(open_page(PAGE), {"archive.zip": zip_bytes(files)}, name="fer")
    assert catalog.get_info("fer").has_votes
    assert not app.error


def test_two_files_at_once_are_the_table_and_its_votes(fer_home: Path, open_page: OpenPage) -> None:
    import_files(
        open_page(PAGE),
        {
            "fer2013.csv": "\n".join(csv_lines(synthetic_faces())).encode(),
            "fer2013new.csv": "\n".join(votes_lines(synthetic_faces())).encode(),
        },
    )
    assert catalog.get_info("fer2013").has_votes


@pytest.mark.parametrize(
    ("file", "data", "message"),
    [
        ("evil.zip", zip_bytes({**image_files(synthetic_faces()), "../evil.png": b"x"}), "leads out of it"),
        ("notes.csv", b"a,b\n1,2\n", "no column 'pixels'"),
        ("cut.zip", zip_bytes(image_files(synthetic_faces()))[:-50], "cut short"),
    ],
)
def test_a_failed_import_gives_one_sentence_and_changes_nothing(
    fer_home: Path, stored: FaceDataset, open_page: OpenPage, file: str, data: bytes, message: str
) -> None:
    before = snapshot(fer_home)
    app = import_files(open_page(PAGE), {file: data})
    assert [literal(message) in text.value for text in app.error] == [True]
    assert snapshot(fer_home) == before


def test_names_of_files_are_shown_as_they_are(fer_home: Path, open_page: OpenPage) -> None:
    name = "![x](http://example.org/a.png) <b>"
    files = {f"happy/{name}/{index}.png": png(image) for index, image in enumerate(synthetic_faces(7, 0, 0).images)}
    app = import_files(open_page(PAGE), {"faces.zip": zip_bytes({f"../{name}": b"x"})})
    assert "](" not in app.error[0].value and literal("![x]") in app.error[0].value
    listed = "\n".join(["file,label", *(f"{index}.png,happy" for index in range(7))]).encode()
    files |= {f"{name.replace('/', '')}.csv": listed}
    app = import_files(app, {"faces.zip": zip_bytes(files)}, "named")
    assert any(literal("![x]") in text.value for text in app.caption)
    assert not any("](" in text.value for text in (*app.caption, *app.success))
    assert not any("](" in caption for caption in captions_of(app))


def test_a_file_inside_data_is_named_and_any_other_path_is_refused(
    fer_home: Path, tmp_path: Path, open_page: OpenPage
) -> None:
    (fer_home / "data").mkdir()
    write_lines(fer_home / "data" / "fer2013.csv", csv_lines(synthetic_faces()))
    outside = write_lines(tmp_path / "outside.csv", csv_lines(synthetic_faces()))
    app = open_page(PAGE)
    app.segmented_control(key="data_import_source").set_value("From data/").run()
    assert any(rf"Files there: {literal('fer2013.csv')}" in text.value for text in app.caption)
    for text in ("../../outside.csv", str(outside), "/etc/passwd"):
        app.text_input(key="data_import_path").set_value(text).run()
        finished(button(app, "Import").click().run())
        assert "is not inside" in plain(app.error[0].value)
        assert catalog.list_datasets() == []
    app.text_input(key="data_import_path").set_value("fer2013.csv").run()
    finished(button(app, "Import").click().run())
    assert [info.fingerprint for info in catalog.list_datasets()] == [synthetic_faces().fingerprint]


def test_an_import_is_cancelled(
    fer_home: Path, stored: FaceDataset, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(fer_home)

    def endless(files, name, options, progress):  # type: ignore[no-untyped-def]
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            progress(0.4, "17,001 rows read")
            time.sleep(0.05)

    monkeypatch.setattr(importing, "import_uploads", endless)
    app = open_page(PAGE)
    app.file_uploader[0].set_value([("fer2013.csv", b"x", "text/csv")]).run()
    button(app, "Import").click().run()
    assert has_button(app, "Cancel") and not has_button(app, "Import")
    # Another tab sees the same.
    other = open_page(PAGE)
    assert has_button(other, "Cancel")
    finished(button(app, "Cancel").click().run())
    assert literal("Cancelled. Nothing was changed.") in [text.value for text in app.info]
    assert snapshot(fer_home) == before


def test_a_second_tabs_choice_is_kept_while_an_import_runs(
    fer_home: Path, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    proceed, imported = threading.Event(), importing.import_uploads

    def slow(files, name, progress, *options):  # type: ignore[no-untyped-def]
        assert proceed.wait(PATIENCE_S)
        return imported(files, name, progress, *options)

    monkeypatch.setattr(importing, "import_uploads", slow)
    first = open_page(PAGE)
    second = AppTest.from_file(str(CHECKOUT / "app.py"), default_timeout=60).run().switch_page(PAGE).run()
    for app, name in ((first, "one.csv"), (second, "two.csv")):
        app.file_uploader[0].set_value([(name, "\n".join(csv_lines(synthetic_faces())).encode(), "text/csv")]).run()
    button(first, "Import").click().run()
    # The second tab doesn't know about it and presses its button anyway.
    button(second, "Import").click().run()
    assert any("already running" in text.value for text in second.toast)
    assert any("Your files are kept" in text.value for text in second.info)
    assert button(second, "Import").disabled
    second.run()
    assert [file.name for file in second.file_uploader[0].value] == ["two.csv"]
    proceed.set()
    finished(first)
    finished(second)
    finished(button(second, "Import").click().run())
    assert [info.name for info in catalog.list_datasets()] == ["one", "two"]


def test_only_the_importing_tab_switches_to_the_new_dataset(
    fer_home: Path, stored: FaceDataset, open_page: OpenPage
) -> None:
    first, second = open_page(PAGE), open_page(PAGE)
    second.text_input(key="data_import_name").set_value("my own").run()
    import_files(first, {"fer2013.csv": "\n".join(csv_lines(synthetic_faces())).encode()})
    assert first.selectbox(key="data_dataset").value == "fer2013"
    second.run()
    assert any("Imported 'fer2013'" in text.value for text in first.success)
    # Another tab sees the new dataset, and no message about it.
    assert not second.success and "fer2013" in second.selectbox(key="data_dataset").options
    assert second.selectbox(key="data_dataset").value == "mine"
    assert second.text_input(key="data_import_name").value == "my own"
    # It switches only once.
    first.selectbox(key="data_dataset").set_value("mine").run()
    assert first.run().selectbox(key="data_dataset").value == "mine"


@pytest.mark.parametrize("n", [2, 3])
def test_files_with_the_same_name_are_reported(n: int, fer_home: Path, open_page: OpenPage) -> None:
    app = open_page(PAGE)
    table = ("fer2013.csv", "\n".join(csv_lines(synthetic_faces())).encode(), "text/csv")
    app.file_uploader[0].set_value([table] * n).run()
    finished(button(app, "Import").click().run())
    assert [f"{n} datasets" in plain(text.value) for text in app.error] == [True]


def test_synthetic_faces_are_offered_for_a_first_try(fer_home: Path, open_page: OpenPage) -> None:
    app = open_page(PAGE)
    app.segmented_control(key="data_import_source").set_value("Synthetic faces").run()
    finished(button(app, "Import synthetic faces").click().run())
    info = catalog.get_info("synthetic-faces")
    assert info.synthetic and info.n_images == 980
    assert any(
        "say nothing about real" in text.value or "says nothing about real" in text.value for text in app.caption
    )


def test_after_an_import_the_next_steps_are_offered(fer_home: Path, open_page: OpenPage) -> None:
    app = import_files(open_page(PAGE), {"fer2013.csv": "\n".join(csv_lines(synthetic_faces())).encode()})
    assert "Next: train on it" in [item.proto.label for item in app.get("page_link")]
    app.button(key="data_next_doctor").click().run()
    assert has_button(app, "Examine 42 images")
    button(app, "Close").click().run()
    assert not app.success


def test_an_error_goes_once_another_file_is_chosen(fer_home: Path, open_page: OpenPage) -> None:
    app = import_files(open_page(PAGE), {"faces.csv": b"a,b\n1,2\n"})
    assert len(app.error) == 1
    app.file_uploader[0].set_value([("fer2013.csv", b"x", "text/csv")]).run()
    assert not app.error


def test_the_remains_of_a_killed_import_are_removed_when_the_app_starts(
    fer_home: Path, tiny_model: Path, open_page: OpenPage
) -> None:
    left = fer_home / "data" / ".staging" / "abandoned"
    left.mkdir(parents=True)
    (left / "images.npy").write_bytes(b"half")
    open_page("app.py")
    assert not left.exists()


def test_an_upload_is_freed_when_the_job_has_it(fer_home: Path, open_page: OpenPage) -> None:
    app = import_files(open_page(PAGE), {"fer2013.csv": "\n".join(csv_lines(synthetic_faces())).encode()})
    assert not app.file_uploader[0].value
    job = jobs.find(importing._key())
    assert job is not None and not hasattr(job, "_work")
