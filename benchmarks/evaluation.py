"""Measure how long an evaluation takes: `python -m benchmarks.evaluation [--data PATH]`.

Without data, it uses as many synthetic faces as FER-2013's PublicTest has. The rows are what a user waits for: metrics,
robustness, the page with a stored result (its script, without the browser), and the report.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from streamlit.testing.v1 import AppTest

from fer.datasets.readings import Reading
from fer.datasets.synthetic import make_synthetic
from fer.evaluation import keys, store
from fer.evaluation.evaluation_result import evaluate_model
from fer.evaluation.evaluation_set import EvaluationSet, Source, evaluation_set_of, load_evaluation_set
from fer.evaluation.report import report
from fer.paths import CHECKOUT, SHIPPED_BUNDLE
from fer.recognition.bundle import load_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.recognition.current import use_bundle
from fer.text import MB

PUBLIC_TEST_FACES: Final = 3589
# The page's choice when it opens. The benchmark stores its own faces under this choice.
CHOSEN: Final = Source("synthetic", split="test")
PATIENCE_S: Final = 300
RERUNS: Final = 5


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """Return the result of a function and the seconds it took."""
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


def synthetic() -> EvaluationSet:
    """Return as many synthetic faces as PublicTest has."""
    faces = make_synthetic(0, 0, PUBLIC_TEST_FACES)
    return evaluation_set_of(Reading(faces, tuple(f"synthetic face {number}" for number in range(len(faces)))))


def shown(page: AppTest) -> None:
    """Raise if the page doesn't show the result, so that nothing else is timed."""
    if page.exception or not page.metric:
        raise RuntimeError("The page doesn't show the result that was just stored.")


@click.command()
@click.option("--data", help="FER-2013's CSV or image folders [default: synthetic faces]")
@click.option("--model", type=click.Path(path_type=Path), default=SHIPPED_BUNDLE, help="A bundle's folder")
def main(data: str | None, model: Path) -> None:
    """Time the steps of an evaluation."""
    classifier = EmotionClassifier(load_bundle(model))
    evaluation_set, reading_s = timed(lambda: load_evaluation_set(Source(data)) if data else synthetic())
    clean, clean_s = timed(lambda: evaluate_model(classifier, evaluation_set))
    robust, robust_s = timed(lambda: evaluate_model(classifier, evaluation_set, known=clean, robustness=True))
    with tempfile.TemporaryDirectory() as home:
        os.environ["FER_HOME"] = home
        store.save_evaluation_set(keys.choice_key(CHOSEN), evaluation_set)
        store.save_result(robust)
        use_bundle(classifier.bundle.path)
        app = AppTest.from_file(str(CHECKOUT / "app.py"), default_timeout=PATIENCE_S).run()
        _, first_s = timed(lambda: shown(app.switch_page("pages/4_Evaluation.py").run()))
        again_s = statistics.median(timed(lambda: shown(app.run()))[1] for _ in range(RERUNS))
    page, report_s = timed(lambda: report(".html", evaluation_set, [robust], [classifier]))
    table = Table("step", "seconds", "wanted", title=f"{clean.model.name}, {len(evaluation_set.faces):,} faces")
    table.add_row("read the faces" if data else "create the faces", f"{reading_s:.1f}", "")
    table.add_row("metrics", f"{clean_s:.1f}", "under 10")
    table.add_row("robustness", f"{robust_s:.1f}", "under 90")
    table.add_row("the page with a stored result, first visit", f"{first_s:.2f}", "")
    table.add_row("the same page again", f"{again_s:.2f}", "under 1")
    table.add_row(f"HTML report, {len(page) / MB:.1f} MB", f"{report_s:.1f}", "")
    Console().print(table)


if __name__ == "__main__":
    main()
