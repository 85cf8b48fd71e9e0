import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer.errors import SummaryError
from fer.summary.groups import NO_GROUP, by_folder, by_pattern, by_table, table_columns


def test_folders_are_taken_where_the_paths_part() -> None:
    files = ["/study/photos/before/p1/a.jpg", "/study/photos/before/b.jpg", "/study/photos/after/p1/a.jpg"]
    assert list(by_folder(files).values()) == ["before", "before", "after"]
    windows = ["C:\\study\\calm\\a.jpg", "C:\\study\\loud\\a.jpg"]
    assert list(by_folder(windows).values()) == ["calm", "loud"]


def test_a_photo_above_the_folders_has_a_group_too() -> None:
    assert list(by_folder(["study/a.jpg", "study/before/a.jpg"]).values()) == ["top folder", "before"]


@pytest.mark.parametrize("files", [[], ["a.jpg"], ["x/a.jpg", "x/b.jpg"]])
def test_one_folder_makes_no_groups(files: list[str]) -> None:
    with pytest.raises(SummaryError, match="one folder"):
        by_folder(files)


@pytest.mark.parametrize(
    ("pattern", "file", "group"),
    [
        ("{group}_*", "x/anna_01_a.jpg", "anna"),
        ("*_{group}_*", "anna_calm_01.jpg", "calm"),
        ("*_{group}.jpg", "anna_calm.jpg", "calm"),
        ("s{group}-*", "s12-left-1.png", "12"),
        ("{group}", "me.jpg", "me.jpg"),
        ("*-{group}.*", "C:\\x\\a-b.c.jpg", "b"),
        ("{group}(1).jpg", "a.b(1).jpg", "a.b"),
        ("{group}_*", "nothing.jpg", NO_GROUP),
        ("{group}.JPG", "me.jpg", NO_GROUP),
    ],
)
def test_a_pattern_takes_the_group_from_the_name(pattern: str, file: str, group: str) -> None:
    files = [file, pattern.replace("{group}", "x").replace("*", "y")]
    assert by_pattern(files, pattern)[file] == group


@pytest.mark.parametrize("pattern", ["", "*.jpg", "{group}_{group}", "{Group}"])
def test_a_pattern_needs_one_place_for_the_group(pattern: str) -> None:
    with pytest.raises(SummaryError, match="once"):
        by_pattern(["a_b.jpg"], pattern)


def test_a_pattern_that_fits_nothing_is_refused_with_an_example() -> None:
    with pytest.raises(SummaryError, match=r"fits no file name, such as 'me\.jpg'"):
        by_pattern(["me.jpg"], "{group}_*")


@settings(deadline=None)
@given(st.text(alphabet="a*_.", max_size=60), st.text(alphabet="a*_.", max_size=60))
def test_no_pattern_takes_long(before: str, after: str) -> None:
    try:
        by_pattern(["a" * 250, "a_" * 120], f"{before}{{group}}{after}!")
    except SummaryError as error:
        assert "fits no file name" in str(error)


TABLE = b"file;person;group\na.jpg;1;calm\nx/b.jpg;2;loud\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_names_files_by_path_or_name(encoding: str) -> None:
    data = TABLE.decode().encode(encoding)
    files = ["p/a.jpg", "x/b.jpg", "y/c.jpg"]
    assert list(by_table(files, data).values()) == ["calm", "loud", NO_GROUP]
    assert list(by_table(files, data, "person").values()) == ["1", "2", NO_GROUP]
    assert table_columns(data) == ["person", "group"]


def test_a_zero_byte_gets_into_no_group() -> None:
    assert by_table(["a.jpg"], b"file,group\na.jpg,ca\0lm\n") == {"a.jpg": "calm"}


def test_a_name_that_two_files_have_needs_a_path() -> None:
    data = b"file,condition\nme.jpg,calm\nx/me.jpg,loud\n"
    assert list(by_table(["x/me.jpg", "y/me.jpg"], data).values()) == ["loud", NO_GROUP]


@pytest.mark.parametrize(
    ("data", "column", "sentence"),
    [
        (b"", None, "needs a column 'file'"),
        (b"name,group\na,b\n", None, "needs a column 'file'"),
        (b"file\na.jpg\n", None, "needs a column 'file'"),
        (b"file,x,y\na.jpg,1,2\n", None, r"no column 'group'. Name one of: x, y"),
        (b"file,group\na.jpg,1\n", "age", "no column 'age'"),
        (b"file,group\nother.jpg,1\n", None, r"names such as 'a\.jpg'"),
        (b"file,group\n\xff\xfe\xfa", None, "Save it as CSV in UTF-8"),
        (b"\xff\xfe\x00\xd8", None, "Save it as CSV in UTF-8"),
        (b"file,group\n" + b"a.jpg,1\n" * 100_001, None, "100,000 rows"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_in_a_sentence(data: bytes, column: str | None, sentence: str) -> None:
    with pytest.raises(SummaryError, match=sentence):
        by_table(["a.jpg"], data, column)
