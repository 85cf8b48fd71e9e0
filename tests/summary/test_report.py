import re
from dataclasses import replace

from fer.provenance import Accuracy, Provenance
from fer.summary.report import html_report
from fer.summary.statistics import Share, Spread, summarize
from fer.summary.wording import content_of, methods, photos_content, share_text, spread_text, table
from tests.summary.test_statistics import face, photo, study

ABOUT = Provenance(
    model="First try",
    model_hash="0123456789abcdef",
    detector="yunet",
    confidence_threshold=0.4913,
    crop_scale=1.1,
    candidate_coverage=0.9,
    accuracy=Accuracy(0.699, "validation", "fer2013.csv", 3589),
    date="2026-11-29T10:00:00+00:00",
)


def test_shares_and_spreads_in_words() -> None:
    assert share_text(Share(12, 30, 0.4, 0.25, 0.577)) == "12 (40 %, 25 % to 58 %)"
    assert share_text(Share.part(0, 0)) == "0"
    assert spread_text(Spread(0.404, 0.1)) == "0.40 (0.10)"
    assert spread_text(Spread(0.4, float("nan"))) == "0.40 (–)"


def test_the_table_has_a_column_for_each_group() -> None:
    header, rows = table(study(calm={"happy": 3}, loud={"sad": 2}))
    assert header == ["", "all photos", "calm", "loud"]
    by_name = {row[0]: row[1:] for row in rows}
    assert by_name["photos"] == ["5", "3", "2"] and by_name["happy"][1].startswith("3 (100 %") and len(rows) == 19
    assert {len(row) for row in rows} == {4}


def test_the_table_says_why_faces_are_not_sure() -> None:
    _, rows = table(summarize([photo("a.jpg", face("happy", 0.4), face("sad"))], {"a.jpg": "x"}))
    assert ["not sure: confidence below the threshold", "1", "1"] in rows


def test_the_methods_paragraph_says_what_was_done_and_with_what() -> None:
    summary = summarize([photo("a.jpg", face("happy"), face("sad", 0.3)), photo("wall.jpg")])
    text = methods(summary, ABOUT)
    for part in (
        "fer-dashboard 0.1.0 on 2026-11-29",
        "detected with YuNet",
        "1.1 times",
        "'First try' (hash 0123456789abcdef; accuracy 0.699 on the validation split of fer2013.csv (n = 3,589)",
        "confidence below 0.49",
        "coverage 0.90",
        "2 photos; 1 had no detected face. Of 2 faces, 1 were 'not sure'",
        "95 % Wilson intervals",
        "FaceReader",
    ):
        assert part in text
    assert "compared" not in text and "nan" not in text
    bare = methods(summary, replace(ABOUT, accuracy=None, candidate_coverage=None, detector="haar"))
    assert "its accuracy was not measured" in bare and "Viola-Jones" in bare and "conformal" not in bare


def test_the_methods_paragraph_reports_the_tests() -> None:
    summary = study(calm={"happy": 30, "neutral": 20}, loud={"happy": 10, "neutral": 40})
    text = methods(summary, ABOUT)
    assert "Groups (calm, loud) were compared." in text and "Cramér's V = 0.41" in text and "rank-biserial" in text


def test_the_report_is_one_file_and_runs_no_name() -> None:
    evil = "<script>alert(1)</script>"
    about = replace(ABOUT, model=evil)
    summary = study(**{evil: {"happy": 8, "sad": 3}, "b": {"sad": 8}})
    page = html_report(content_of(summary, about), about)
    assert "<script" not in page and "&lt;script&gt;" in page
    assert page.count("data:image/svg+xml;base64,") == 2
    assert not re.search(r"(src|href)=\"(?!data:)", page), "nothing is fetched"
    assert "too small: use one photo per person" in page and "0123456789abcdef" in page


def test_the_report_of_no_face_says_so() -> None:
    page = html_report(photos_content([photo("wall.jpg")], {"wall.jpg": "a"}, ABOUT), ABOUT)
    assert "too few faces" in page and "<td>nan" not in page
    assert "Do the groups differ?" not in html_report(photos_content([], None, ABOUT), ABOUT)
