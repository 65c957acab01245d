"""Rosenblatt's perceptron beside a linear support vector machine, on the same points.

Both find a line between two classes. The perceptron stops at the first one that makes no mistake; the support
vector machine takes the one farthest from the nearest points. The margin, that least distance, shows it.

Run: python examples/perceptron_and_svm.py
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import SVC

from pellucid.training.perceptron import train_perceptron


def two_clouds(seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Sixty points of the plane, thirty a class, with a gap between the classes."""
    generator = np.random.default_rng(seed)
    left = generator.normal((-2.0, -1.0), 0.8, (30, 2))
    right = generator.normal((2.0, 1.0), 0.8, (30, 2))
    return np.vstack([left, right]), np.repeat([-1, 1], 30)


def margin(
    points: NDArray[np.float64], labels: NDArray[np.int64], weights: NDArray[np.float64], bias: float
) -> float:
    """Distance from the line w.x + b = 0 to the nearest point; negative if a point is on the wrong side."""
    return float(np.min(labels * (points @ weights + bias)) / np.linalg.norm(weights))


def main() -> None:
    """Print both lines with their margins, then what the perceptron says of a task without a solution."""
    points, labels = two_clouds(seed=0)

    perceptron = train_perceptron(points, labels, epochs=100)
    machine = SVC(kernel="linear", C=1e6).fit(points, labels)
    lines = {
        "perceptron": (perceptron.weights, perceptron.bias),
        "linear SVM": (machine.coef_[0], float(machine.intercept_[0])),
    }
    print(perceptron.sentence)
    print()
    print("                direction of w     offset    margin")
    for name, (weights, bias) in lines.items():
        length = float(np.linalg.norm(weights))
        x, y = weights / length
        distance = margin(points, labels, weights, bias)
        print(f"{name:<12}  ({x:6.3f}, {y:6.3f})   {bias / length:8.3f}  {distance:8.3f}")

    print()
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    for gate, truth in {"AND": [-1, -1, -1, 1], "XOR": [-1, 1, 1, -1]}.items():
        print(f"{gate}: {train_perceptron(corners, truth, epochs=50).sentence}")


if __name__ == "__main__":
    main()
