"""An evaluation with what is kept of earlier ones: the same faces are never classified twice, whoever asks."""

from collections.abc import Callable

from fer.evaluation import store
from fer.evaluation.evaluation_result import EvaluationResult, evaluate_model
from fer.evaluation.evaluation_set import EvaluationSet
from fer.recognition.classifier import EmotionClassifier


def evaluate_once(
    classifier: EmotionClassifier,
    evaluation_set: EvaluationSet,
    *,
    name: str | None = None,
    robustness: bool = False,
    fresh: bool = False,
    on_progress: Callable[[str, int, int], None] | None = None,
    on_wait: Callable[[], None] = lambda: None,
) -> EvaluationResult:
    """Find one model's results, or compute what is missing of them and keep it; another process is waited for.

    Args:
        classifier: the model, as it is served.
        evaluation_set: the faces.
        name: what people call the model.
        robustness: also the table of transforms.
        fresh: compute it again, and keep that in place of what is kept.
        on_progress: as in `evaluate_model`; not called for what is known.
        on_wait: called once where another process computes the same.

    Raises:
        EvaluationError: there is no face.
        StoreError: results cannot be kept.
    """
    model_hash = classifier.bundle.hash
    with store.alone(store.result_key(model_hash, evaluation_set.key), on_wait):
        found = None if fresh else store.load_result(model_hash, evaluation_set)
        if found is None:
            found = evaluate_model(classifier, evaluation_set, name=name, on_progress=on_progress)
            # The figures are shown while the table of transforms is still in work.
            store.save_result(found)
        if robustness and found.robustness is None:
            found = evaluate_model(classifier, evaluation_set, robustness=True, known=found, on_progress=on_progress)
            store.save_result(found)
    return found.called(name or classifier.bundle.name)
