"""Training: start a run, watch it, and use its model."""

from fer.ui.frame import errors_as_sentences, page_frame
from fer.ui.training import form, models, notices, progress, runs, sweeps

page_frame(
    "Training",
    ":material/model_training:",
    "Train your own model, watch its progress, and use it on the other pages. A training continues when you close this "
    "page.",
)

with errors_as_sentences():
    found = progress.all_runs()
    notices.watch(found)
    notices.begin_notices()
    notices.notices(notices.TOP)
    progress.now(found)
    form.new_run(found)
    sweeps.sweeps()
    runs.runs(found)
    models.imported_models()
