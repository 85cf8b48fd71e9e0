"""Evaluation: how good a model is, where it fails and why."""

from fer.ui.evaluation import choice, gallery, results, work
from fer.ui.frame import errors_as_sentences, page_frame

page_frame(
    "Evaluation",
    ":material/query_stats:",
    "How good a model is, where it fails and why, on any labelled faces.",
)

with errors_as_sentences():
    chosen = choice.choose()
    measured = work.work(chosen) if chosen else None
    if measured:
        results.headline(measured)
        results.by_class(measured, gallery.turn_to)
        gallery.gallery(measured)
        results.trust(measured)
        results.robustness(measured)
        results.agreement(measured)
        results.downloads(measured)

# By itself: what is deleted here may be the room that was missing above.
with errors_as_sentences():
    work.kept()
