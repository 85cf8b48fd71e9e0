"""Batch: analyse whole folders of photos and videos with many processes or machines."""

from fer.ui.batch import form, library, results, work
from fer.ui.frame import errors_as_sentences, page_frame

page_frame(
    "Batch",
    ":material/stacks:",
    "Analyse whole folders of photos and videos, with all cores of this machine or with many machines. A batch "
    "continues when you close this page, and can be resumed.",
)

with errors_as_sentences():
    listed = library.batches()
    work.running(listed)
    form.new_batch(opened=not listed)
    if listed:
        results.result(library.choose(listed))
