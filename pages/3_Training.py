"""Training: start a run, watch it learn, put its model to use."""

from fer.ui import training, training_form, training_models, training_notices, training_runs
from fer.ui.frame import errors_as_sentences, page_frame

page_frame(
    "Training",
    ":material/model_training:",
    "Train a model of your own, watch it learn, and use it on the other pages. A run is a process of its own: it goes "
    "on when you close this page.",
)

with errors_as_sentences():
    found = training.all_runs()
    training_notices.watch(found)
    training_notices.notices()
    training.now(found)
    training_form.new_run(found)
    training_runs.runs(found)
    training_models.models_from_elsewhere()
