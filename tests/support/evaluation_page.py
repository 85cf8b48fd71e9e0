"""Helpers for tests of the Evaluation page."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from fer.evaluation import keys, store
from fer.evaluation.evaluation_result import evaluate_model
from fer.evaluation.evaluation_set import Source, load_evaluation_set
from fer.recognition.bundle import Bundle
from fer.recognition.classifier import EmotionClassifier
from tests.support.markdown import plain

OpenPage = Callable[[str], AppTest]
EVALUATION = "pages/4_Evaluation.py"
# The page offers the splits of the synthetic faces by name, test first.
SOURCE = Source("synthetic", split="test")


def evaluated(*bundles: Bundle, source: Source = SOURCE, robustness: bool = False) -> None:
    """Store results where the page finds them."""
    evaluation_set = load_evaluation_set(source)
    store.save_evaluation_set(keys.choice_key(source), evaluation_set)
    for bundle in bundles:
        store.save_result(evaluate_model(EmotionClassifier(bundle), evaluation_set, robustness=robustness))


def texts(page: AppTest) -> str:
    return "\n".join(
        plain(element.value) for element in [*page.markdown, *page.caption, *page.info, *page.error, *page.subheader]
    )


def box(page: AppTest, label: str):
    return next(widget for widget in page.selectbox if widget.label == label)


def buttons(page: AppTest) -> list[str]:
    return [button.label for button in page.button]
