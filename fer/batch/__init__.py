"""Analyse more photos and videos than one process can: inputs to tasks, tasks to parquet parts, on Dask."""
