"""Copy a finished run's model into `model/`, with its settings and curves, and update the model card and the report.

python -m scripts.ship_model RUN_FOLDER                  uses the data named in the run's config.json
python -m scripts.ship_model --confidence DATA [VOTES]   fits the confidence of the model in model/ again
python -m scripts.ship_model --int8 DATA [VOTES]         makes the int8 copy of the model in model/ again
python -m scripts.ship_model --report DATA [VOTES]       only updates card and report, for the model in model/
"""

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from fer.datasets.faces import FaceDataset
from fer.emotions import EMOTIONS
from fer.evaluation.evaluation_result import EvaluationResult
from fer.evaluation.evaluation_set import Source, load_evaluation_set
from fer.evaluation.names import SHIPPED
from fer.evaluation.once import evaluate_once
from fer.paths import CHECKOUT, SHIPPED_BUNDLE
from fer.recognition.bundle import Bundle, load_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.recognition.int8_copy import INT8_FILE
from fer.runs.config import TrainConfig
from fer.runs.layout import NOTES
from fer.storage.files import read_json
from fer.text import MB, percent
from fer.training.calibrating import calibrate, with_confidence
from fer.training.run_data import load_data, split_parts
from scripts import shipped_report
from scripts.int8 import Verdict, add_int8

CARD = SHIPPED_BUNDLE / "README.md"
BEGIN, END = "<!-- metrics: written by scripts/ship_model.py -->", "<!-- end of metrics -->"
REPORT = CHECKOUT / "docs" / "shipped-model.md"
FINDINGS = CHECKOUT / "docs" / "evaluation.md"
SPLIT = "validation"


def main(arguments: list[str]) -> None:
    """Copy a run's model, or keep the one in model/, and update the texts about it."""
    if arguments[:1] in (["--report"], ["--confidence"], ["--int8"]) and len(arguments) in (2, 3):
        data, votes = arguments[1], arguments[2] if len(arguments) == 3 else None
        if arguments[0] == "--confidence":
            fit_again(data, votes)
        if arguments[0] != "--report":
            make_int8(data, votes)
    elif len(arguments) == 1 and (Path(arguments[0]) / "bundle" / "bundle.json").is_file():
        data, votes = ship(Path(arguments[0]))
        make_int8(data, votes)
    else:
        sys.exit(
            "Expected the folder of one finished run, such as runs/20260102-101500-ab12, or --report DATA [VOTES], or "
            "--confidence DATA [VOTES], or --int8 DATA [VOTES]."
        )
    bundle = load_bundle(SHIPPED_BUNDLE)
    evaluation_set = load_evaluation_set(Source(data, SPLIT, votes=votes))
    result = evaluate_once(EmotionClassifier(bundle), evaluation_set, name=SHIPPED, robustness=True)
    # None of these texts shows a face.
    between_marks(CARD, metrics_tables(bundle, pd.read_csv(SHIPPED_BUNDLE / "metrics.csv"), result))
    REPORT.write_text(shipped_report.report(result), encoding="utf-8")
    between_marks(FINDINGS, shipped_report.findings(bundle, result))
    sys.stdout.write(f"{CARD}\n{REPORT}\n{FINDINGS}\n")


def ship(run: Path) -> tuple[str, str | None]:
    """Copy a run's model, settings and curves. Return the paths of its data and votes."""
    trained = TrainConfig.from_json((run / "config.json").read_text(encoding="utf-8"))
    # Without the paths of the machine that trained. The fingerprint identifies the data.
    config = replace(
        trained,
        data=f"data/{Path(trained.data).name}",
        votes=trained.votes and f"data/{Path(trained.votes).name}",
        start_from=tuple(_called(folder) for folder in trained.start_from),
        teacher=tuple(_called(folder) for folder in trained.teacher),
    )
    (SHIPPED_BUNDLE / INT8_FILE).unlink(missing_ok=True)
    for file in (run / "bundle").iterdir():
        shutil.copyfile(file, SHIPPED_BUNDLE / file.name)
    (SHIPPED_BUNDLE / "config.json").write_text(config.to_json() + "\n", encoding="utf-8")
    shutil.copyfile(run / "metrics.csv", SHIPPED_BUNDLE / "metrics.csv")
    return trained.data, trained.votes


def _called(bundle: str) -> str:
    """Return the name of the run that made a bundle, or its folder's name for an imported model."""
    folder = Path(bundle)
    return str(read_json(folder.parent / NOTES).get("name") or folder.name)


def fit_again(data: str, votes: str | None) -> None:
    """Fit the shipped bundle's temperatures and thresholds again, on the part that its training held out."""
    config, dataset = _settings_and_data(data, votes)
    bundle, parts = load_bundle(SHIPPED_BUNDLE), split_parts(dataset, config)
    with_confidence(bundle, *calibrate(EmotionClassifier(bundle), parts), dataset, parts)


def _settings_and_data(data: str, votes: str | None) -> tuple[TrainConfig, FaceDataset]:
    config = TrainConfig.from_json((SHIPPED_BUNDLE / "config.json").read_text(encoding="utf-8"))
    return config, load_data(replace(config, data=data, votes=votes))


def make_int8(data: str, votes: str | None) -> None:
    """Add an int8 copy of the float32 model if it is nearly as accurate; each computer decides which one it serves."""
    config, dataset = _settings_and_data(data, votes)
    _, verdict = add_int8(load_bundle(SHIPPED_BUNDLE), dataset, config)
    sys.stdout.write(f"{verdict.text}\n")


def between_marks(file: Path, text: str) -> None:
    """Replace the text between the marks in a file."""
    before, _, rest = file.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    file.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def metrics_tables(bundle: Bundle, curves: pd.DataFrame, result: EvaluationResult) -> str:
    """Return the card's tables as Markdown."""
    size = bundle.served_file.stat().st_size / MB
    parts = [
        f"Network `{bundle.network['name']}`: {bundle.network['parameters'] / 1e6:.2f} M parameters, "
        f"{bundle.network['multiply_adds'] / 1e6:.0f} M multiply-adds a face; served by `{bundle.served}`, {size:.1f} "
        f"MB. Last trained for {len(curves)} epochs on {bundle.data['trained_on']} images. Data fingerprint "
        f"`{bundle.data['fingerprint']}`. Temperature "
        f"{bundle.temperature:.4f}{_calibrated(bundle)}, confidence threshold {bundle.confidence_threshold:.4f}: "
        f"fitted on the {bundle.metrics['calibrated_on']} split.",
        *([Verdict.of(bundle).text] if bundle.int8 else []),
        _splits(bundle.metrics, bundle.int8.metrics if bundle.int8 else {}),
        _classes(bundle.metrics["validation"]),
        *_reliance(result),
        _curves(curves),
    ]
    return "\n\n".join(parts)


def _calibrated(bundle: Bundle) -> str:
    """Return the other calibrated parts of the bundle as sentences that follow its temperature."""
    texts = [" times a factor for each face" if bundle.quality else ""]
    if bundle.sets:
        texts.append(
            f", sets of the classes with a probability of {bundle.sets.least_probability:.4f} or more (aimed at a "
            f"coverage of {percent(bundle.sets.coverage, 0)})"
        )
    return "".join(texts)


def _splits(metrics: dict[str, Any], of_int8: dict[str, Any]) -> str:
    rows = ["| split | images | accuracy | 95 % interval | macro F1 | top 2 | calibration error |", "|" + " --- |" * 7]
    for name, values in (*metrics.items(), *((f"{name}, int8", values) for name, values in of_int8.items())):
        if isinstance(values, dict):
            low, high = values["accuracy_interval"]
            rows.append(
                f"| {name} | {values['n']} | {values['accuracy']:.4f} | {low:.4f} to {high:.4f} | "
                f"{values['macro_f1']:.4f} | {values['top2_accuracy']:.4f} | {values['ece']:.4f} |"
            )
    return "\n".join(rows)


def _classes(values: dict[str, Any]) -> str:
    rows = [
        "Validation split (PublicTest) by class. Rows of the confusion matrix are true classes, columns predicted:",
        "",
        "| class | precision | recall | F1 | images | " + " | ".join(EMOTIONS) + " |",
        "|" + " --- |" * (5 + len(EMOTIONS)),
    ]
    for name, counts in zip(EMOTIONS, values["confusion_matrix"], strict=True):
        scores = values["per_class"][name]
        cells = " | ".join(str(count) for count in counts)
        rows.append(
            f"| {name} | {scores['precision']:.3f} | {scores['recall']:.3f} | {scores['f1']:.3f} | "
            f"{scores['support']} | {cells} |"
        )
    return "\n".join(rows)


def _reliance(result: EvaluationResult) -> list[str]:
    """Return the card's parts on the confidence threshold, calibration and robustness."""
    texts = [
        shipped_report.answered(result),
        "Mean confidence and accuracy there, by confidence:",
        shipped_report.calibration_table(result),
        *shipped_report.sets_table(result),
    ]
    if result.robustness is not None:
        texts += [
            "Robustness on the validation split, by image corruption: accuracy, and that of the answered faces.",
            shipped_report.robustness_table(result.robustness),
        ]
    return texts


def _curves(curves: pd.DataFrame) -> str:
    """Return the accuracies as a chart that Markdown viewers draw."""
    lines = [
        "Accuracy by epoch (in %), training (augmented, raw weights) first, validation (averaged weights) second; the "
        "numbers are in `metrics.csv`.",
        "",
        "```mermaid",
        "xychart-beta",
        f'    x-axis "epoch" 1 --> {len(curves)}',
        '    y-axis "accuracy, %" 0 --> 100',
    ]
    for column in ("accuracy", "val_accuracy"):
        lines.append("    line [" + ", ".join(f"{100 * value:.1f}" for value in curves[column]) + "]")
    return "\n".join([*lines, "```"])


if __name__ == "__main__":
    main(sys.argv[1:])
