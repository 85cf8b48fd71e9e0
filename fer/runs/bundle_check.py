"""`python -m fer.runs.bundle_check FOLDER`: check and try a model of a stranger, in a process that may die of it.

Says on standard output, in one sentence, what is wrong, and exits with 1; exits with 0 where nothing is.
"""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import click
import numpy as np

from fer.arrays import SIDE
from fer.emotions import N_EMOTIONS
from fer.errors import BundleError
from fer.recognition.bundle import load_bundle
from fer.recognition.classifier import EmotionClassifier

_STANDARD: Final = ("", "ai.onnx")
_MEMORY_BYTES: Final = 4 << 30
_CPU_SECONDS: Final = 90


def check(folder: Path) -> None:
    """See that a bundle is whole, harmless, and a network for this program; then let it classify a few faces.

    Raises:
        BundleError: it is not; the sentence says why.
    """
    bundle = load_bundle(folder)
    check_graph(bundle.served_file)
    classifier = EmotionClassifier(bundle)
    faces = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 1), dtype=np.uint8)
    try:
        probabilities, maps = classifier.explain(faces)
        single, _ = classifier.explain(faces[:1])
    except Exception as error:  # ONNX Runtime's own exceptions share no base class
        raise BundleError("The model fails on a face, or gives numbers that are not finite; it is not used.") from error
    if probabilities.shape != (3, N_EMOTIONS) or maps.shape[::3] != (3, N_EMOTIONS):
        raise BundleError(f"The model gives {probabilities.shape} and {maps.shape} for 3 faces; it is not used.")
    if not np.isfinite(maps).all():
        raise BundleError("The model's maps are not finite; it is not used.")
    if not np.allclose(single[0], probabilities[0], atol=1e-3):
        raise BundleError("The model judges a face differently when others are beside it; it is not used.")


def check_graph(file: Path) -> None:
    """See that an ONNX file holds nothing but a network of standard operators.

    Raises:
        BundleError: it cannot be read, refers to other files, or has operators or functions of its own.
    """
    import onnx  # a second of imports that nothing else of this package needs
    from onnx.external_data_helper import uses_external_data

    try:
        model = onnx.load(str(file), load_external_data=False)
    except Exception as error:  # protobuf's exceptions share no base class with ours to catch
        raise BundleError(f"{file.name} is no ONNX file; export the model again.") from error
    if model.functions:
        raise BundleError(f"{file.name} defines functions of its own; only networks of standard operators are taken.")
    domains = {opset.domain for opset in model.opset_import} - set(_STANDARD)
    graphs = list(_graphs(model.graph))
    foreign = sorted({f"{n.domain}.{n.op_type}" for graph in graphs for n in graph.node if n.domain not in _STANDARD})
    if foreign or domains:
        names = ", ".join(foreign or sorted(domains))
        raise BundleError(f"{file.name} has operators outside ONNX's standard ({names}); only standard ones are taken.")
    for tensor in _tensors(graphs):
        if uses_external_data(tensor):
            raise BundleError(f"{file.name} keeps data in other files; export it as one file.")
    try:
        onnx.checker.check_model(model)
    except Exception as error:  # the checker's exceptions, and protobuf's
        raise BundleError(f"{file.name} is not a valid ONNX network; export the model again.") from error


def _graphs(graph: Any) -> Iterator[Any]:
    """A graph and those inside its nodes, such as the branches of an If."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            inner = [attribute.g] if attribute.HasField("g") else []
            for each in (*inner, *attribute.graphs):
                yield from _graphs(each)


def _tensors(graphs: Iterable[Any]) -> Iterator[Any]:
    for graph in graphs:
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t
                yield from attribute.tensors


def _limit() -> None:
    """Take away what a check does not need: time and memory without end."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))


def main() -> None:
    """Check the bundle whose folder is the one argument."""
    _limit()
    try:
        check(Path(sys.argv[1]))
    except BundleError as error:
        click.echo(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
