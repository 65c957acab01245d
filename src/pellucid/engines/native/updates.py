"""Optimisers into steps: an update each for the values that weight decay applies to and for the others."""

from __future__ import annotations

from pellucid.engines.native.builder import CHECK_TURN, CLIP_TURN, UPDATE_TURN, PlanBuilder
from pellucid.engines.native.parameters import ParameterStore
from pellucid.engines.native.plan import Buffer, Scope
from pellucid.errors import UnsupportedLayer
from pellucid.optimizers import SGD, Adam, AdamW, Optimizer

CLIP_BLOCK = 1024
"""Values whose squares are summed together; native/kernels/reduction/clip.cpp."""


def lower_update(builder: PlanBuilder, store: ParameterStore, optimizer: Optimizer) -> None:
    """Append the finite check of the gradient, its clipping, and the update of every trainable value."""
    count = store.trainable_values
    if count == 0:
        return
    gradient = store.section(None, 0, count, Scope.BATCH)
    builder.later(CHECK_TURN, "check_finite", "gradient", (gradient,), {"cells": count}, extent=count)
    if optimizer.clip_norm is not None:
        _clip(builder, gradient, count, optimizer.clip_norm)
    sections = ((0, store.decayed_values, True), (store.decayed_values, count, False))
    for begin, end, decayed in sections:
        if begin < end:
            _update(builder, store, optimizer, begin, end - begin, decayed)


def _clip(builder: PlanBuilder, gradient: Buffer, count: int, limit: float) -> None:
    blocks = -(-count // CLIP_BLOCK)
    sums = builder.batch_buffer("sums of squares", 2 * blocks)  # doubles
    operands = (gradient, sums)
    builder.later(CHECK_TURN, "sum_squares", "gradient", operands, {"cells": count}, extent=blocks)
    attributes = {"cells": count, "limit": limit}
    builder.later(CLIP_TURN, "clip_norm", "gradient", operands, attributes, extent=count)


def _update(
    builder: PlanBuilder, store: ParameterStore, optimizer: Optimizer, begin: int, values: int, decayed: bool
) -> None:
    if not isinstance(optimizer, SGD | Adam):
        raise UnsupportedLayer(
            f"optimizer: the native engine has no {type(optimizer).__name__}; the reference engine has it"
        )
    decay = optimizer.weight_decay if decayed or optimizer.decay_all else 0.0
    attributes = {
        "nesterov": int(isinstance(optimizer, SGD) and optimizer.nesterov),
        "decoupled": int(isinstance(optimizer, AdamW)),
        "momentum": optimizer.momentum if isinstance(optimizer, SGD) else 0.0,
        "beta1": optimizer.beta1 if isinstance(optimizer, Adam) else 0.0,
        "beta2": optimizer.beta2 if isinstance(optimizer, Adam) else 0.0,
        "epsilon": optimizer.epsilon if isinstance(optimizer, Adam) else 0.0,
        "weight_decay": decay,
    }
    operands: tuple[Buffer, ...] = (
        store.section(None, begin, values),
        store.section(None, begin, values, Scope.BATCH),
    )
    if isinstance(optimizer, Adam):
        operation, slots = "adam", optimizer.slots
    elif optimizer.momentum:
        operation, slots = "descend_with_momentum", optimizer.slots
    else:
        operation, slots = "descend", ()
    operands += tuple(store.section(slot, begin, values) for slot in slots)
    builder.later(UPDATE_TURN, operation, "update", operands, attributes, extent=values)
