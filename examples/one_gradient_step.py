"""What one gradient step does to one weight, number by number.

A LeNet-5 that has read digits for one epoch meets a batch of 32 more. The script follows one weight of its
first layer through that step: dJ/dw as the sum of its terms, the proof by finite differences, the optimiser's
arithmetic down to the new weight, the step itself, which ends at the same bits, and what it was good for: the
loss of the batch before and after, and how much of the change this one weight explains.

Run: python examples/one_gradient_step.py [--data mnist] [--weight 0,0,2,2]
"""

from __future__ import annotations

import argparse

import numpy as np

import pellucid
from pellucid import explain

BATCH = 32
RULE = pellucid.SGD(momentum=0.9, weight_decay=1e-4)
LEARNING_RATE = 0.05
PARAMETER = "conv1.weight"


def main() -> None:
    """Follow one weight through one step."""
    parser = argparse.ArgumentParser(description="Follow one weight through one step of training.")
    parser.add_argument("--data", default="digits", help="mnist, or the digits that are always at hand")
    parser.add_argument("--weight", default="0,0,2,2", help=f"of {PARAMETER}: output, input, row, column")
    chosen = parser.parse_args()
    at = tuple(int(number) for number in chosen.weight.split(","))

    net = pellucid.zoo.create("lenet5", seed=0)
    data = pellucid.data.load(chosen.data).fit((1, 28, 28))
    pellucid.train(net, data, epochs=1, progress=False)
    images, classes = data.train.images[:BATCH], data.train.labels[:BATCH]

    print("1. The gradient: every term is an error that came back, times the pixel that the weight met.\n")
    gradient = explain.gradient_arithmetic(net, images, parameter=PARAMETER, at=at, targets=classes)
    print(gradient)
    print("\n2. The proof: the same number without any backward pass.\n")
    print(gradient.prove())

    print("\n3. The update: what the optimiser makes of it.\n")
    update = explain.update_arithmetic(
        net, images, classes, parameter=PARAMETER, at=at, rule=RULE, learning_rate=LEARNING_RATE
    )
    print(update)

    print("\n4. The step.\n")
    before = net.parameters[PARAMETER][at]
    loss_before = net.gradients(images, classes).loss
    gradients = net.gradients(images, classes).parameters
    settings = {"batch_size": BATCH, "optimizer": RULE, "schedule": "constant"}
    pellucid.train(net, (images, classes), epochs=1, learning_rate=LEARNING_RATE, progress=False, **settings)
    after = net.parameters[PARAMETER][at]
    loss_after = net.gradients(images, classes).loss
    same = "the same bits" if after == np.float32(update["w new"]) else "other bits"
    print(f"trained: {before:.9f} -> {after:.9f}, {same} as the arithmetic")
    print(f"loss of the batch: {loss_before:.6f} -> {loss_after:.6f}")
    expected = -LEARNING_RATE * sum(float((array**2).sum()) for array in gradients.values())
    own = float(gradients[PARAMETER][at]) * float(after - before)
    share = f"one part in {abs(expected / own):,.0f}" if own else "nothing"
    print(f"To first order all weights together change it by {expected:.6f},")
    print(f"and this one by {own:.3g}: {share}.")


if __name__ == "__main__":
    main()
