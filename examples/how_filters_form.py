"""How LeNet-5's first filters form during the first epoch, moment by moment.

A Recorder keeps the network as it was at steps 0, 1, 2, 4, 8, ... of the first epoch. The script then opens
the recording, draws the six filters of conv1 at each of those moments, one row a moment, and says how fast
they moved, how well the network read by then, and which filter moved most.

Run: python examples/how_filters_form.py [--data mnist] [--output filters.svg]

With MNIST (60,000 digits, a few seconds of training) the last layers learn first: at step 128 of 938 nine
digits in ten are read while conv1 has moved by less than a quarter of its length, and its strokes and edges
come out of the noise between steps 128 and 512. The small digits that come with scikit-learn make only 23
steps, too few for the filters to be told from noise.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import pellucid
from pellucid import explain, plot


def main() -> None:
    """Train for one epoch, look at the moments, draw them."""
    parser = argparse.ArgumentParser(description="Draw how LeNet-5's first filters form.")
    parser.add_argument("--data", default="digits", help="mnist, or the digits that are always at hand")
    parser.add_argument("--output", default="filters.svg", help="the picture: .svg, .png or .pdf")
    chosen = parser.parse_args()

    net = pellucid.zoo.create("lenet5", seed=0)
    data = pellucid.data.load(chosen.data).fit((1, 28, 28))
    probe = data.test.images[:500], data.test.labels[:500]
    with tempfile.TemporaryDirectory() as folder:
        recorder = explain.Recorder(Path(folder) / "recording", probe=probe)
        pellucid.train(net, data, epochs=1, progress=False, callbacks=[recorder])
        recording = explain.Recording(recorder.folder)
        moments = [recording.model(step) for step in recording.steps]

    print(" step   loss    accuracy   conv1 has moved   since the moment before")
    for before, model, moment in zip([moments[0], *moments], moments, recording.moments, strict=False):
        moved = {d.name: d for d in explain.compare(moments[0], model).parameters}["conv1.weight"]
        last = {d.name: d for d in explain.compare(before, model).parameters}["conv1.weight"]
        probed = moment.statistics["probe"]
        print(
            f"{moment.step:5,}   {probed['loss']:.3f}   {probed['accuracy']:8.1%}   "
            f"{moved.relative:15.1%}   {last.relative:23.1%}"
        )
    whole = explain.compare(moments[0], moments[-1])
    units = {d.name: d for d in whole.parameters}["conv1.weight"].units
    print(f"Of the six filters, number {units.argmax()} moved most, by {units.max():.2f}.")

    figure = plot.filters_through_time(
        recording.steps,
        [model.parameters["conv1.weight"] for model in moments],
        title=f"conv1 of LeNet-5 in its first epoch on {data.name}",
    )
    plot.save(figure, chosen.output)
    print(f"Drawn in {chosen.output}.")


if __name__ == "__main__":
    main()
