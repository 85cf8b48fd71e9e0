"""Evaluation: measure a model on labelled faces and look at its mistakes."""

from fer.ui.evaluation import choice, gallery, results, trust, work
from fer.ui.frame import errors_as_sentences, page_frame

page_frame(
    "Evaluation",
    ":material/query_stats:",
    "Measure a model on labelled faces and look at its mistakes.",
)

with errors_as_sentences():
    chosen = choice.choose()
    measured = work.work(chosen) if chosen else None
    if measured:
        results.headline(measured)
        results.by_class(measured, gallery.turn_to)
        gallery.gallery(measured)
        trust.confidence(measured)
        trust.robustness(measured)
        trust.agreement(measured)
        results.downloads(measured)

# Separate from the above, so that a user can free space here after an error.
with errors_as_sentences():
    work.stored()
