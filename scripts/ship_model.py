"""Put a finished run's model into `model/`, with its settings and curves, and renew the figures of the model card.

python -m scripts.ship_model RUN_FOLDER
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from fer.emotions import EMOTIONS
from fer.paths import SHIPPED_BUNDLE
from fer.recognition.bundle import Bundle, load_bundle

CARD = SHIPPED_BUNDLE / "README.md"
BEGIN, END = "<!-- figures: written by scripts/ship_model.py -->", "<!-- end of figures -->"


def main() -> None:
    """Copy, then rewrite the part of the card between its marks."""
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "bundle" / "bundle.json").is_file():
        sys.exit("Expected the folder of one finished run, such as runs/20260102-101500-ab12.")
    run = Path(sys.argv[1])
    for file in (run / "bundle").iterdir():
        shutil.copyfile(file, SHIPPED_BUNDLE / file.name)
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    # Where the data lay on the machine that trained is nobody's concern; what they were is in the fingerprint.
    config["data"] = f"data/{Path(config['data']).name}"
    config["votes"] = config["votes"] and f"data/{Path(config['votes']).name}"
    (SHIPPED_BUNDLE / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    shutil.copyfile(run / "metrics.csv", SHIPPED_BUNDLE / "metrics.csv")
    bundle = load_bundle(SHIPPED_BUNDLE)
    before, _, rest = CARD.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    text = f"{before}{BEGIN}\n{figures(bundle, pd.read_csv(SHIPPED_BUNDLE / 'metrics.csv'))}\n{END}{after}"
    CARD.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{CARD}\n")


def figures(bundle: Bundle, curves: pd.DataFrame) -> str:
    """The card's tables as Markdown."""
    best = curves.loc[curves["val_accuracy"].idxmax()]
    size = (bundle.path / "model.onnx").stat().st_size / 1e6
    parts = [
        f"Network `{bundle.network['name']}`: {bundle.network['parameters'] / 1e6:.2f} M parameters, "
        f"{bundle.network['multiply_adds'] / 1e6:.0f} M multiply-adds a face, `model.onnx` {size:.1f} MB. "
        f"Trained for {len(curves)} epochs on {bundle.data['trained_on']} images; epoch {int(best['epoch'])} was the "
        f"best on the validation split. Data fingerprint `{bundle.data['fingerprint']}`. Temperature "
        f"{bundle.temperature:.4f}, 'not sure' below {bundle.unsure_below:.4f}, both fitted on the "
        f"{bundle.metrics['calibrated_on']} split.",
        _splits(bundle.metrics),
        _classes(bundle.metrics["validation"]),
        _curves(curves),
    ]
    return "\n\n".join(parts)


def _splits(metrics: dict[str, Any]) -> str:
    rows = ["| split | images | accuracy | 95 % interval | macro F1 | top 2 | calibration error |", "|" + " --- |" * 7]
    for name, values in metrics.items():
        if isinstance(values, dict):
            low, high = values["accuracy_interval"]
            rows.append(
                f"| {name} | {values['n']} | {values['accuracy']:.4f} | {low:.4f} to {high:.4f} | "
                f"{values['macro_f1']:.4f} | {values['top2_accuracy']:.4f} | {values['ece']:.4f} |"
            )
    return "\n".join(rows)


def _classes(values: dict[str, Any]) -> str:
    rows = [
        "Validation split (PublicTest), by class; in the confusion matrix a row is the true class, a column the given:",
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


def _curves(curves: pd.DataFrame) -> str:
    """The accuracies as a chart that Markdown viewers draw."""
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
    main()
