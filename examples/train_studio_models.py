"""Train the two networks that `pellucid studio` opens on when it is given none.

Run: python examples/train_studio_models.py [tiny-vgg] [lenet5] [--output FOLDER]

Tiny VGG learns CIFAR-10 for 15 epochs, behind a Normalize by the training pictures' mean and deviation;
LeNet-5 learns MNIST for 3. Both end in a softmax, which the Studio shows like any layer. The data are taken
from PELLUCID_DATA, else downloaded. Same machine, threads and seed: same bits.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pellucid
from pellucid import SGD, Flip, GraphBuilder, Model, Normalize, OneCycle, Recipe, Softmax
from pellucid.data import Dataset

FOLDER = Path(__file__).parent.parent / "src" / "pellucid" / "studio" / "models"

DATA = {"tiny-vgg": "cifar10", "lenet5": "mnist"}
EPOCHS = {"tiny-vgg": 15, "lenet5": 3}
SHAPES = {"tiny-vgg": (3, 32, 32), "lenet5": (1, 28, 28)}
PICTURES = Recipe(
    optimizer=SGD(momentum=0.9), schedule=OneCycle(0.02), batch_size=64, augmentations=(Flip(),)
)


def network(name: str, data: Dataset, seed: int) -> Model:
    """The network of the zoo with a softmax; of colour pictures also a Normalize."""
    plain = pellucid.zoo.create(name, input_shape=SHAPES[name], seed=seed)
    builder = GraphBuilder()
    first = last = builder.input(SHAPES[name])
    colour = SHAPES[name][0] == 3
    if colour:
        mean, deviation = data.train.statistics()
        first = builder.add(Normalize(mean, deviation), first, name="normalize")
    for node in plain.graph.nodes[1:]:
        sources = (first if source == plain.graph.inputs[0] else source for source in node.inputs)
        last = builder.add(node.layer, *sources, name=node.name)
    builder.add(Softmax(), last, name="softmax")
    recipe = PICTURES if colour else plain.recipe
    return Model(builder.graph(), plain.parameters, name=name, recipe=recipe)


def main() -> None:
    """Train what is asked for, and store it."""
    parser = argparse.ArgumentParser(description="Train the Studio's own networks.")
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help="tiny-vgg, lenet5; both if left out")
    parser.add_argument("--output", type=Path, default=FOLDER)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    for name in chosen.networks or DATA:
        data = pellucid.data.load(DATA[name]).fit(SHAPES[name])
        net = network(name, data, chosen.seed)
        history = pellucid.train(net, data, epochs=EPOCHS[name], seed=chosen.seed)
        chosen.output.mkdir(parents=True, exist_ok=True)
        net.save(chosen.output / f"{name}.pellucid")
        print(f"{name}: {history.epochs[-1].test_accuracy:.2%} of the test pictures")


if __name__ == "__main__":
    main()
