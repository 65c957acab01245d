"""The perceptron's own rule of learning (Rosenblatt 1957), and the verdict on whether it could succeed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pellucid.errors import DataError
from pellucid.layers import Linear
from pellucid.model import Model

Float64 = NDArray[np.float64]
Verdict = Literal["converged", "not linearly separable", "not converged yet"]


@dataclass(frozen=True)
class PerceptronResult:
    """Where the rule ended.

    Attributes:
        weights: (features,); a sample x is of class +1 where weights . x + bias > 0.
        bias: b.
        epochs: passes over the samples that were made, the last, silent one included.
        updates: corrections in all.
        errors: corrections in each pass.
        verdict: whether the rule converged, and if not, whether it ever can.
    """

    weights: Float64
    bias: float
    epochs: int
    updates: int
    errors: tuple[int, ...]
    verdict: Verdict

    @property
    def sentence(self) -> str:
        """The verdict in one sentence, for people."""
        made = f"after {_counted(self.updates, 'correction')} in {_counted(self.epochs, 'epoch')}"
        endings = {
            "converged": "Converged {}: every sample lies on its side of the boundary.",
            "not linearly separable": "Stopped {}: the samples are not linearly separable.",
            "not converged yet": "Stopped {}: not converged yet, but the samples are separable: add epochs.",
        }
        return endings[self.verdict].format(made)


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def train_perceptron(
    inputs: ArrayLike,
    labels: ArrayLike,
    *,
    epochs: int,
    weights: ArrayLike | None = None,
    bias: float = 0.0,
) -> PerceptronResult:
    """Correct the boundary sample by sample until a whole pass corrects nothing, or for `epochs` passes.

    A sample with y (w.x + b) <= 0 is wrong (a point on the boundary too, else zero weights would never move);
    then w <- w + y x, b <- b + y. At the limit a linear programme says whether the samples can be separated.

    Args:
        inputs: (N, features).
        labels: (N,), each -1 or +1.
        epochs: most passes over the samples, in their order.
        weights: (features,) to start from; zeros when left out.
        bias: to start from.

    Raises:
        DataError: samples, labels, epochs or weights that the rule cannot use.
    """
    x, y = _samples(inputs, labels)
    w = np.zeros(x.shape[1]) if weights is None else np.array(weights, dtype=np.float64)
    b = float(bias)
    if w.shape != x.shape[1:] or not (np.isfinite(w).all() and math.isfinite(b)):
        raise DataError(f"weights and bias are {x.shape[1]} + 1 finite numbers, received shape {w.shape}")
    if epochs < 1:
        raise DataError(f"epochs is at least 1, received {epochs}")
    errors: list[int] = []
    while len(errors) < epochs and (not errors or errors[-1] > 0):
        wrong = 0
        for sample, label in zip(x, y, strict=True):
            if label * (w @ sample + b) <= 0:
                w += label * sample
                b += label
                wrong += 1
        errors.append(wrong)
    return PerceptronResult(w, float(b), len(errors), sum(errors), tuple(errors), _verdict(x, y, errors[-1]))


def _verdict(x: Float64, y: Float64, last_errors: int) -> Verdict:
    if last_errors == 0:
        return "converged"
    return "not converged yet" if linearly_separable(x, y) else "not linearly separable"


def _samples(inputs: ArrayLike, labels: ArrayLike) -> tuple[Float64, Float64]:
    x, y = np.asarray(inputs, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if x.ndim != 2 or 0 in x.shape or not np.isfinite(x).all():
        raise DataError(f"inputs are finite numbers of shape (N, features), received shape {x.shape}")
    if y.shape != x.shape[:1] or not np.isin(y, (-1, 1)).all():
        raise DataError(f"labels are {len(x)} numbers, each -1 or +1, received {np.unique(y)[:5].tolist()}")
    return x, y


def linearly_separable(inputs: ArrayLike, labels: ArrayLike) -> bool:
    """Whether some w and b give y (w.x + b) > 0 for every sample.

    A linear programme: is there a w and b with y (w.x + b) >= 1 for all samples? Each feature is centred and
    scaled to unit range first, which does not change the answer. Margins below about 1e-9 of the data's range
    are too fine for the solver and count as none.

    Args:
        inputs: (N, features).
        labels: (N,), each -1 or +1.
    """
    from scipy.optimize import linprog

    x, y = _samples(inputs, labels)
    centre = (x.max(axis=0) + x.min(axis=0)) / 2
    span = x.max(axis=0) - x.min(axis=0)
    scaled = (x - centre) / np.where(span > 0, span, 1.0)
    signed = y[:, None] * np.column_stack([scaled, np.ones(len(x))])
    programme: Any = linprog(
        c=np.zeros(signed.shape[1]), A_ub=-signed, b_ub=-np.ones(len(x)), bounds=(None, None), method="highs"
    )
    return bool(programme.status == 0 and (signed @ programme.x > 0).all())


def store_perceptron(result: PerceptronResult, model: Model) -> None:
    """Put weights and bias into a network that ends in one neuron, such as the zoo's "perceptron".

    The network holds float32: a sample closer to the boundary than their rounding may change sides.

    Raises:
        DataError: the network does not end in a Linear layer of one unit with a bias.
        LayerError: the number of features differs.
    """
    name = _neuron(model)
    model.set_parameters({f"{name}.weight": result.weights[None, :], f"{name}.bias": [result.bias]})


def read_perceptron(model: Model) -> tuple[Float64, float]:
    """The weights (features,) and the bias of such a network, to go on training from.

    Raises:
        DataError: the network does not end in a Linear layer of one unit with a bias.
    """
    name = _neuron(model)
    weights = model.parameters[f"{name}.weight"][0].astype(np.float64)
    return weights, float(model.parameters[f"{name}.bias"][0])


def _neuron(model: Model) -> str:
    node = model.graph.node(model.graph.outputs[0])
    if not (isinstance(node.layer, Linear) and node.layer.out_features == 1 and node.layer.bias):
        raise DataError(
            f"{model.name}: a perceptron ends in Linear(1) with a bias, received {node.name}: {node.layer}"
        )
    return node.name
