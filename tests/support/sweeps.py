"""Sweeps over synthetic faces for tests."""

from typing import Any

from fer.runs.config import TrainConfig
from fer.sweeps.grid import parse_axis
from fer.sweeps.job import Request, SweepJob, open_sweep, request_for
from fer.sweeps.running import run_sweep

BASE = TrainConfig(data="synthetic", epochs=2, warmup_epochs=0.5)


def asked(*texts: str, seeds: int = 2, base: TrainConfig = BASE, **where: Any) -> Request:
    """Return a request that varies settings as the command line does."""
    return request_for(base, [parse_axis(text) for text in texts], seeds, **where)


def swept(request: Request, **options: Any) -> SweepJob:
    """Run a sweep to its end."""
    job = open_sweep(request)
    run_sweep(job, request, **options)
    return job
