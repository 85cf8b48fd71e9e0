"""Run an evaluation in its own process, which every page can see and stop.

The key of a job, which names its folder, follows from the models and the faces, so a second request joins the process
that is already running. Results are stored by `fer.evaluation.store` after each model, so a stop loses only the one
being evaluated.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from fer.errors import EvaluationError
from fer.evaluation.evaluation_set import Source
from fer.evaluation.latest import evaluations_dir
from fer.jobs import job


@dataclass(frozen=True)
class Request:
    """A request to evaluate one or two models.

    Attributes:
        models: the folders of the bundles.
        source: where the faces come from.
        robustness: whether to measure robustness too.
        names: the names to show for the models; () means the names of the bundles.
        weights: which weights of the models to evaluate, 'float32' or 'int8'; () means those served here.
    """

    models: tuple[str, ...]
    source: Source
    robustness: bool = False
    names: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the request as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build a request from the values of `to_dict`."""
        models, names = tuple(values["models"]), tuple(values["names"])
        source, weights = Source.from_dict(values["source"]), tuple(values.get("weights", ()))
        return cls(models, source, bool(values["robustness"]), names, weights)


class Job(job.Job):
    """An evaluation in its folder, `evaluations/jobs/KEY`."""

    worker = "fer.evaluation.worker"
    noun = "evaluation"
    again = "Press Evaluate to try again."
    error: ClassVar = EvaluationError

    @classmethod
    def of(cls, model_hashes: Sequence[str], choice: str) -> Self:
        """Return the job for these models and faces, whether or not it was ever started.

        Args:
            model_hashes: `Bundle.hash` of the models, in any order.
            choice: `keys.choice_key` of the source.
        """
        text = json.dumps([sorted(model_hashes), choice])
        return cls(_jobs_dir() / hashlib.sha256(text.encode()).hexdigest()[:20])

    def start(self, request: Request) -> None:
        """Start the evaluation, unless it is already running.

        Raises:
            EvaluationError: the folder can't be written, or no process can be started.
        """
        self.begin(request.to_dict())


def running_jobs() -> list[Job]:
    """Return the evaluations whose process is alive."""
    return Job.running_in(_jobs_dir())


def _jobs_dir() -> Path:
    return evaluations_dir() / "jobs"
