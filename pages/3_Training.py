"""Training: start a run, watch it learn, put its model to use."""

from fer.ui.frame import errors_as_sentences, page_frame
from fer.ui.training import form, models, notices, progress, runs

page_frame(
    "Training",
    ":material/model_training:",
    "Train a model of your own, watch it learn, and use it on the other pages. A run is a process of its own: it goes "
    "on when you close this page.",
)

with errors_as_sentences():
    found = progress.all_runs()
    notices.watch(found)
    notices.notices()
    progress.now(found)
    form.new_run(found)
    runs.runs(found)
    models.models_from_elsewhere()
