"""What made a result, as tables, pictures and subtitles say it."""

from fer.provenance import PROVENANCE_COLUMNS
from tests.support.provenance import ABOUT, COLUMNS


def test_a_table_says_it_in_columns_that_a_spreadsheet_may_open() -> None:
    assert ABOUT.columns() == COLUMNS
    assert tuple(ABOUT.columns()) == PROVENANCE_COLUMNS


def test_one_line_says_it_where_there_is_no_table() -> None:
    assert ABOUT.text == (
        "Made by fer-dashboard: model='=First try; model_hash=0123456789abcdef; detector=yunet; "
        "confidence_threshold=0.5; settings=crop_scale=1.1; weights=int8; every=2; smoothing_seconds=0.4; "
        "version=0.9.0; date=2026-11-29T10:00:00+00:00"
    )
