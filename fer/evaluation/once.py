"""Evaluate with a cache: the same model never classifies the same faces twice."""

from collections.abc import Callable

from fer.evaluation import keys, store
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
    """Load a model's stored result, or compute and store what is missing. Wait if another process is computing it.

    Args:
        classifier: the model.
        evaluation_set: the faces.
        name: the name to show for the model.
        robustness: whether the result must include robustness.
        fresh: compute everything again and replace the stored result.
        on_progress: as in `evaluate_model`; not called for what is already stored.
        on_wait: called once if another process is computing the same result.

    Raises:
        EvaluationError: there is no face.
        StoreError: the result can't be stored.
    """
    model_hash = classifier.bundle.hash
    with store.alone(keys.result_key(model_hash, evaluation_set.key), on_wait):
        found = None if fresh else store.load_result(model_hash, evaluation_set)
        if found is None:
            found = evaluate_model(classifier, evaluation_set, name=name, on_progress=on_progress)
            # Stored now, so that the page can show it while robustness is still being measured.
            store.save_result(found)
        if robustness and found.robustness is None:
            found = evaluate_model(classifier, evaluation_set, robustness=True, known=found, on_progress=on_progress)
            store.save_result(found)
    return found.called(name or classifier.bundle.name)
