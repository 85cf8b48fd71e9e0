"""Evaluation: how good a model is, where it fails and why."""

from fer.ui import evaluation, evaluation_choice, evaluation_gallery, evaluation_results
from fer.ui.frame import errors_as_sentences, page_frame

page_frame(
    "Evaluation",
    ":material/query_stats:",
    "How good a model is, where it fails and why, on any labelled faces.",
)

with errors_as_sentences():
    choice = evaluation_choice.choose()
    results = evaluation.work(choice) if choice else None
    if results:
        evaluation_results.headline(results)
        evaluation_results.by_class(results, evaluation_gallery.turn_to)
        evaluation_gallery.gallery(results)
        evaluation_results.trust(results)
        evaluation_results.robustness(results)
        evaluation_results.agreement(results)
        evaluation_results.downloads(results)

# By itself: what is deleted here may be the room that was missing above.
with errors_as_sentences():
    evaluation.kept()
