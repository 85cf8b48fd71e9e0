"""The network of a run, compiled: its loss, optimizer, learning rate schedule and precision."""

from pathlib import Path
from typing import Any

import keras

from fer.runs.config import TrainConfig
from fer.training.networks import LOGITS, VOTES, build_network
from fer.training.run_data import Parts, has_votes


def compiled_network(config: TrainConfig, parts: Parts, steps: int) -> keras.Model:
    """Build and compile the network of a run, with random weights.

    Args:
        config: the run's settings.
        parts: the run's data; it decides only whether there is a head for votes.
        steps: batches per epoch. The learning rate schedule and the weight averaging depend on it.
    """
    keras.utils.set_random_seed(config.seed)
    if config.deterministic and keras.config.backend() == "tensorflow":
        import tensorflow as tf  # needed on the TensorFlow backend only

        tf.config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy("mixed_bfloat16" if precision(config) == "bfloat16" else "float32")
    votes = has_votes(parts, config)
    network = build_network(config.network, dropout=config.dropout, votes_head=votes, fused=True)
    loss = {LOGITS: keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.label_smoothing)}
    weights = {LOGITS: 1.0}
    if votes:
        loss[VOTES] = keras.losses.CategoricalCrossentropy(from_logits=True)
        weights[VOTES] = config.votes_weight
    network.compile(
        optimizer=_optimizer(config, steps),
        loss=loss,
        loss_weights=weights,
        metrics={LOGITS: ["accuracy"]},
        # XLA doubles the time of a step on a CPU. On other backends Keras chooses.
        jit_compile=False if keras.config.backend() == "tensorflow" else "auto",
    )
    return network


def precision(config: TrainConfig) -> str:
    """Return 'bfloat16' or 'float32': the precision in the settings, or the fastest one this machine supports."""
    if config.precision != "auto":
        return config.precision
    if keras.distribution.list_devices("gpu"):
        return "bfloat16"
    try:
        # Linux only. Elsewhere float32 is the safe choice.
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return "float32"
    return "bfloat16" if "avx512_bf16" in flags or "amx_bf16" in flags else "float32"


def _optimizer(config: TrainConfig, steps: int) -> keras.optimizers.Optimizer:
    total, warmup = config.epochs * steps, round(config.warmup_epochs * steps)
    rate: Any = config.learning_rate
    if config.schedule == "cosine" or warmup:
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=config.learning_rate / 100 if warmup else config.learning_rate,
            decay_steps=max(1, total - warmup),
            alpha=0.0 if config.schedule == "cosine" else 1.0,
            warmup_target=config.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
    horizon = min(config.weight_averaging, total // 10)
    shared = {
        "learning_rate": rate,
        "weight_decay": config.weight_decay,
        "use_ema": horizon > 1,
        "ema_momentum": 1 - 1 / max(horizon, 2),
    }
    if config.optimizer == "adamw":
        optimizer: keras.optimizers.Optimizer = keras.optimizers.AdamW(**shared)
    else:
        optimizer = keras.optimizers.SGD(momentum=0.9, nesterov=True, **shared)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    return optimizer
