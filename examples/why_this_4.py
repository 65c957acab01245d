"""Why was this 4 read as a 9? One mistake of LeNet-5, followed back to the pixels.

The script trains LeNet-5, finds the held-out 4 that it takes for a 9 with most confidence (or, where there is
none, its most confident mistake), and asks in turn:

1. what the scores were, and which features of the last hidden layer argue for the wrong class: the sums
   behind both scores, term by term;
2. which pixels speak for each of the two classes: integrated gradients, drawn side by side;
3. what would have to change: the patch that, once it is painted over, makes the most difference, and what the
   network says then.

Run: python examples/why_this_4.py [--data mnist] [--output why.svg]
"""

from __future__ import annotations

import argparse

import numpy as np

import pellucid
from pellucid import explain, plot
from pellucid.data import Dataset
from pellucid.engines.reference.channel_activation import softmax

HIDDEN, SCORES = "relu4", "fc3"
SHOWN = 6
"""Features that are listed."""

PATCHES = (4, 5, 6, 7, 8)
"""Sides of the squares that are tried."""


def find_mistake(net: pellucid.Model, data: Dataset) -> tuple[int, int, int]:
    """(number, class, what it was taken for) of a held-out image: a 4 taken for a 9 if there is one."""
    shares = softmax(net.predict(data.test.images))
    taken, classes = shares.argmax(axis=1), np.asarray(data.test.labels)
    wrong = np.flatnonzero(taken != classes)
    if not len(wrong):
        raise SystemExit("The network makes no mistake on the held-out images: nothing to explain.")
    wanted = wrong[(classes[wrong] == 4) & (taken[wrong] == 9)]
    candidates = wanted if len(wanted) else wrong
    number = int(candidates[shares[candidates].max(axis=1).argmax()])
    return number, int(classes[number]), int(taken[number])


def print_sums(net: pellucid.Model, image: np.ndarray, right: int, wrong: int) -> None:
    """The features that make the difference between the two scores."""
    seen = explain.Evidence(net, image)
    for one in (wrong, right):
        print(explain.arithmetic(net, seen, SCORES, (one,)), end="\n\n")
    weights, biases = (net.parameters[f"{SCORES}.{name}"].astype(np.float64) for name in ("weight", "bias"))
    features = seen.activation(HIDDEN)[0].astype(np.float64)
    argued = (weights[wrong] - weights[right]) * features
    strongest, rest = np.split(np.argsort(-np.abs(argued)), [SHOWN])
    print(f"What tells {wrong} from {right}, feature times difference of its two weights:")
    for unit in strongest:
        difference = f"({weights[wrong, unit]:+.3f} - {weights[right, unit]:+.3f})"
        print(f"  {HIDDEN}[{unit}]  {features[unit]:6.3f} * {difference} = {argued[unit]:+.3f}")
    remainder = argued[rest].sum() + biases[wrong] - biases[right]
    print(f"  the other {len(rest)} and the biases = {remainder:+.3f}")
    print(f"  together {argued.sum() + biases[wrong] - biases[right]:+.3f}")


def best_patch(net: pellucid.Model, image: np.ndarray, right: int, wrong: int) -> explain.ReplacePatch:
    """The square that, painted black, raises the right score most over the wrong one."""
    best, gain = None, -np.inf
    _, height, width = image.shape
    for side in PATCHES:
        corners = [(r, c) for r in range(0, height - side + 1, 2) for c in range(0, width - side + 1, 2)]
        batch = np.repeat(image[None], len(corners), axis=0)
        for painted, (row, column) in zip(batch, corners, strict=True):
            painted[:, row : row + side, column : column + side] = 0
        scores = net.predict(batch)
        margins = scores[:, right] - scores[:, wrong]
        if margins.max() > gain:
            row, column = corners[int(margins.argmax())]
            best, gain = explain.ReplacePatch("input", (row, column), (side, side)), float(margins.max())
    assert best is not None
    return best


def main() -> None:
    """Train, find the mistake, explain it."""
    parser = argparse.ArgumentParser(description="Follow one mistake back to the pixels.")
    parser.add_argument("--data", default="digits", help="mnist, or the digits that are always at hand")
    parser.add_argument("--output", default="why.svg", help="the picture: .svg, .png or .pdf")
    chosen = parser.parse_args()

    net = pellucid.zoo.create("lenet5", seed=0)
    data = pellucid.data.load(chosen.data).fit((1, 28, 28))
    pellucid.train(net, data, epochs=3, progress=False)
    number, right, wrong = find_mistake(net, data)
    image = data.test.images[number]
    shares = softmax(net.predict(image[None]))[0]
    against = f"{shares[wrong]:.1%} against {shares[right]:.1%}"
    print(f"Held-out image {number} is a {right}, read as a {wrong}: {against}.\n")

    print("1. The sums")
    print_sums(net, image, right, wrong)

    print("\n2. The pixels")
    overlays = []
    for one in (right, wrong):
        found = explain.integrated_gradients(net, image, one)
        overlays.append(plot.Overlay(found.values[0], f"for a {one}", found.notes))
        print(f"  for a {one}: {' '.join(found.sentences())}")
    figure = plot.attributions(image, overlays, title=f"A {right} read as a {wrong}: integrated gradients")
    plot.save(figure, chosen.output)
    print(f"  drawn in {chosen.output}")

    print("\n3. What if")
    patch = best_patch(net, image, right, wrong)
    changed = explain.what_if(net, image[None], patch)
    after = softmax(changed.outputs[SCORES])[0]
    (row, column), (side, _) = patch.corner, patch.size
    print(
        f"  paint the {side} x {side} pixels from row {row}, column {column} black, and it is a "
        f"{after.argmax()}: {after[right]:.1%} for {right}, {after[wrong]:.1%} for {wrong}"
    )
    for change in changed.most_changed[:3]:
        print(f"  most changed: {change.node}, channel {change.channel}, by {change.relative:.0%}")


if __name__ == "__main__":
    main()
