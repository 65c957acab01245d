"""LeNet-5 of 1998 on MNIST: at least as good as its paper, which reports 0.95% errors after 20 passes.

LeCun, Bottou, Bengio & Haffner 1998, Gradient-based learning applied to document recognition, section III.
The network is the paper's: 32 x 32 inputs, connection table, trainable subsampling, scaled hyperbolic
tangents, radial basis functions at the output, the maximum a-posteriori criterion.

Deviations: mini-batches of 64 with momentum 0.9 and a one-cycle rate instead of one digit at a time by the
stochastic diagonal Levenberg-Marquardt method with a rate that falls in steps; our own drawings for the
prototypes; no distorted digits (the paper's 0.8% used them). The test digits steer nothing.

Errors of seeds 0, 1 and 2: 0.91, 0.81 and 0.87%, about two minutes each on two cores (AMD EPYC, Zen 3).

Run: python examples/lenet5_1998.py [SEED ...]
"""

from __future__ import annotations

import sys

import pellucid

EPOCHS = 20


def main() -> None:
    """Train with each seed and print the share of the test digits that is read wrongly."""
    data = pellucid.data.load("mnist")
    for seed in map(int, sys.argv[1:] or ["0"]):
        net = pellucid.zoo.create("lenet5-1998", seed=seed)
        history = pellucid.train(net, data, epochs=EPOCHS, seed=seed)
        errors = 1 - history.epochs[-1].test_accuracy
        print(f"seed {seed}: {errors:.2%} errors, {history.seconds:.0f} s of training")


if __name__ == "__main__":
    main()
