import numpy as np
import pytest

from fer.emotions import EMOTIONS
from fer.errors import SlowModelError
from fer.results import Face, ImageAnalysis
from fer.ui.upload.photobook import PhotoBook, summary


def face(emotion: str, confidence: float, confidence_threshold: float = 0.5) -> Face:
    rest = (1 - confidence) / 6
    probabilities = np.array([confidence if name == emotion else rest for name in EMOTIONS], np.float32)
    return Face((0, 0, 10, 10), probabilities, confidence_threshold)


class CountingAnalyzer:
    """An analyser that finds a happy face (0.6) in every file, except in those marked as broken."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def analyze_bytes(self, data: bytes, file: str) -> ImageAnalysis:
        self.seen.append(file)
        if data.startswith(b"broken"):
            return ImageAnalysis.failed(file, "Not a picture.")
        return ImageAnalysis(file, 20, 20, (face("happy", 0.6),))


@pytest.fixture
def analyzer() -> CountingAnalyzer:
    return CountingAnalyzer()


def analyse(book: PhotoBook, analyzer: CountingAnalyzer, recognizer: str = "yunet") -> list[tuple[int, int]]:
    return list(book.analyse(recognizer, analyzer))


def test_a_photo_is_analysed_once_by_each_recognizer(analyzer: CountingAnalyzer) -> None:
    book = PhotoBook()
    book.add([("a.jpg", b"a"), ("b.jpg", b"b")])
    analyse(book, analyzer)
    analyse(book, analyzer)
    assert analyzer.seen == ["a.jpg", "b.jpg"]
    analyse(book, analyzer, "haar")
    analyse(book, analyzer, "yunet")
    assert analyzer.seen == ["a.jpg", "b.jpg"] * 2


def test_one_broken_file_never_stops_the_others(analyzer: CountingAnalyzer) -> None:
    book = PhotoBook()
    book.add([("broken.jpg", b"broken"), ("b.jpg", b"b"), ("c.jpg", b"c")])
    assert book.selected == next(photo.key for photo in book.pending("yunet") if photo.name == "broken.jpg")
    assert analyse(book, analyzer) == [(0, 3), (1, 3), (2, 3), (3, 3)]
    pairs = book.analysed("yunet", 0.5)
    assert [photo.name for photo, _ in pairs] == ["b.jpg", "c.jpg"]
    assert [(failure.file, failure.error) for failure in book.failed] == [("broken.jpg", "Not a picture.")]
    assert book.selected == pairs[0][0].key, "the page looks at a photo that is still there"


def test_a_slow_model_loses_no_photo(analyzer: CountingAnalyzer) -> None:
    class Slow:
        def analyze_bytes(self, data: bytes, file: str) -> ImageAnalysis:
            if data == b"b":
                raise SlowModelError("It was stopped.")
            return analyzer.analyze_bytes(data, file)

    book = PhotoBook()
    book.add([("a.jpg", b"a"), ("b.jpg", b"b"), ("c.jpg", b"c")])
    with pytest.raises(SlowModelError):
        list(book.analyse("theirs", Slow()))
    assert [photo.name for photo in book.pending("theirs")] == ["b.jpg", "c.jpg"] and not book.failed
    analyse(book, analyzer, "shipped")
    assert len(book.analysed("shipped", 0.5)) == 3


def test_a_failed_file_dropped_repeatedly_is_listed_once(analyzer: CountingAnalyzer) -> None:
    book = PhotoBook()
    for _ in range(2):
        book.add([("broken.jpg", b"broken")])
        analyse(book, analyzer)
    assert len(book.failed) == 1
    assert len(book) == 0 and book.n_bytes == 0


def test_a_failure_is_removed_with_its_file(analyzer: CountingAnalyzer) -> None:
    book = PhotoBook()
    (key,) = book.add([("broken.jpg", b"broken")])
    analyse(book, analyzer)
    book.fail("an id", "huge.jpg", "It is too large.")
    book.remove(key)
    assert [failure.file for failure in book.failed] == ["huge.jpg"]
    book.remove("an id")
    assert book.failed == []


def test_an_interrupted_analysis_keeps_what_is_done(analyzer: CountingAnalyzer) -> None:
    book = PhotoBook()
    book.add([(f"{name}.jpg", name.encode()) for name in "abc"])
    for done, _ in book.analyse("yunet", analyzer):
        if done == 2:
            break
    assert [photo.name for photo in book.pending("yunet")] == ["c.jpg"]
    assert len(book.analysed("yunet", 0.5)) == 2


def test_a_file_that_comes_again_is_kept_once_and_selected() -> None:
    book = PhotoBook()
    _, b, _ = book.add([("a.jpg", b"a"), ("b.jpg", b"b"), ("b.jpg", b"c")])
    book.add([("b.jpg", b"b"), ("b.jpg", b"c")])
    assert [photo.name for photo in book.pending("yunet")] == ["a.jpg", "b.jpg", "b (2).jpg"]
    assert book.selected == b


def test_a_file_under_two_names_is_two_photos_with_one_analysis(analyzer: CountingAnalyzer) -> None:
    book = PhotoBook(kept_bytes=5)
    a, copy, _ = book.add([("a.jpg", b"aaa"), ("copy.jpg", b"aaa"), ("b.jpg", b"b")])
    assert (len(book), book.n_bytes, book.refused) == (3, 4, [])
    assert analyse(book, analyzer) == [(0, 3), (2, 3), (3, 3)]
    assert analyzer.seen == ["a.jpg", "b.jpg"]
    book.add([("later.jpg", b"aaa")])
    assert [(photo.name, analysis.file) for photo, analysis in book.analysed("yunet", 0.5)] == [
        (name, name) for name in ("a.jpg", "copy.jpg", "b.jpg", "later.jpg")
    ]
    book.selected = copy
    book.remove(a)
    assert [analysis.file for _, analysis in book.analysed("yunet", 0.5)] == ["copy.jpg", "b.jpg", "later.jpg"]
    assert book.selected == copy


def test_a_broken_file_under_two_names_is_named_twice(analyzer: CountingAnalyzer) -> None:
    book = PhotoBook()
    book.add([("x.jpg", b"broken"), ("y.jpg", b"broken"), ("a.jpg", b"a")])
    assert analyse(book, analyzer)[-1] == (3, 3)
    assert [failure.file for failure in book.failed] == ["x.jpg", "y.jpg"]
    assert [photo.name for photo, _ in book.analysed("yunet", 0.5)] == ["a.jpg"]


def test_two_photos_with_one_name_are_distinguished() -> None:
    book = PhotoBook()
    book.add([("a.jpg", b"1"), ("a.jpg", b"2"), ("a.jpg", b"3"), ("noext", b"4"), ("noext", b"5")])
    names = [photo.name for photo in book.pending("yunet")]
    assert names == ["a.jpg", "a (2).jpg", "a (3).jpg", "noext", "noext (2)"]


@pytest.mark.parametrize(("kept_bytes", "kept_photos"), [(5, 100), (100, 2)])
def test_photos_that_do_not_fit_are_named(kept_bytes: int, kept_photos: int) -> None:
    book = PhotoBook(kept_bytes, kept_photos)
    book.add([("a.jpg", b"11"), ("b.jpg", b"22"), ("c.jpg", b"33")])
    assert book.refused == ["c.jpg"]
    assert len(book) == 2 and book.n_bytes == 4
    book.add([])
    assert book.refused == [], "a refusal is told about the last files alone"


def test_the_threshold_needs_no_new_analysis(analyzer: CountingAnalyzer) -> None:
    book = PhotoBook()
    book.add([("a.jpg", b"a")])
    analyse(book, analyzer)
    [(_, lenient)] = book.analysed("yunet", 0.55)
    [(_, strict)] = book.analysed("yunet", 0.65)
    assert (lenient.faces[0].looks, strict.faces[0].looks) == ("looks happy", "not sure")
    assert analyzer.seen == ["a.jpg"]


def test_a_photo_is_removed_with_its_faces(analyzer: CountingAnalyzer) -> None:
    book = PhotoBook()
    first, second = book.add([("a.jpg", b"a"), ("b.jpg", b"b")])
    analyse(book, analyzer)
    book.remove(first)
    book.remove(first)
    assert [photo.name for photo, _ in book.analysed("yunet", 0.5)] == ["b.jpg"]
    assert book.selected == second
    book.add([("a.jpg", b"a")])
    assert [photo.name for photo in book.pending("yunet")] == ["a.jpg"], "it is analysed anew"


def test_clear_forgets_everything(analyzer: CountingAnalyzer) -> None:
    book = PhotoBook()
    book.add([("a.jpg", b"a"), ("broken.jpg", b"broken")])
    analyse(book, analyzer)
    generation = book.generation
    book.clear()
    assert (len(book), book.failed, book.selected, book.analysed("yunet", 0.5)) == (0, [], None, [])
    assert book.generation > generation


def test_photos_may_come_and_go_while_others_are_analysed(analyzer: CountingAnalyzer) -> None:
    book = PhotoBook()
    (first, *_) = book.add([("a.jpg", b"a"), ("b.jpg", b"b")])
    steps = book.analyse("yunet", analyzer)
    assert next(steps) == (0, 2) and next(steps) == (1, 2)
    book.remove(first)
    book.add([("c.jpg", b"c"), ("d.jpg", b"d")])
    assert next(steps) == (2, 4)
    book.clear()
    assert list(steps) == [(3, 3)]
    assert book.analysed("yunet", 0.5) == [], "an analysis of a photo that is gone is forgotten"


@pytest.mark.parametrize(
    ("faces", "text"),
    [
        ((), "no face found"),
        ((face("sad", 0.9),), "looks sad"),
        ((face("sad", 0.3),), "not sure"),
        ((face("happy", 0.9), face("happy", 0.8), face("fear", 0.7)), "2 look happy, 1 looks fearful"),
        ((face("happy", 0.9), face("sad", 0.3), face("fear", 0.3)), "2 not sure, 1 looks happy"),
    ],
)
def test_the_summary_of_a_photo(faces: tuple[Face, ...], text: str) -> None:
    assert summary(ImageAnalysis("a.jpg", 20, 20, faces)) == text
