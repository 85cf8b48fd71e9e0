"""Read some rows of a parquet file without reading the others."""

import pyarrow as pa
import pyarrow.parquet as pq


def rows_between(file: pq.ParquetFile, start: int, stop: int) -> pa.Table:
    """Return rows `start` to `stop`, of which only the row groups that have them are read.

    Args:
        file: the open file.
        start: the first row, from 0.
        stop: the row after the last one; it may be behind the end.
    """
    tables, first = [file.schema_arrow.empty_table()], 0
    for group in range(file.num_row_groups):
        n_rows = file.metadata.row_group(group).num_rows
        if first < stop and first + n_rows > start:
            begin = max(0, start - first)
            tables.append(file.read_row_group(group).slice(begin, stop - first - begin))
        first += n_rows
    return pa.concat_tables(tables)
