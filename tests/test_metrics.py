"""Evaluation: loss, accuracy, confusion and the worst mistakes, on numbers checked by hand and by PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional
from training_cases import blobs, network

from pellucid.data import Split
from pellucid.errors import DataError
from pellucid.layers import Flatten, Linear, Softmax
from pellucid.model import Model, Sequential
from pellucid.objectives import CrossEntropy, SquaredError
from pellucid.training import evaluate

PIXELS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 204], [255, 255, 0]], np.uint8).reshape(4, 1, 1, 3)
"""Four images whose three pixels are the outputs of `through`, over its scale."""


def through(scale: float, *last: Softmax) -> Model:
    """The pixels times `scale` are the outputs."""
    net = Sequential(Flatten(), Linear(3), *last, input_shape=(1, 1, 3), engine="reference")
    net.set_parameters({"fc1.weight": scale * np.eye(3)})
    return net


def test_accuracy_confusion_and_worst_mistakes_are_those_of_the_outputs() -> None:
    result = evaluate(through(2.0), Split(PIXELS, np.array([0, 2, 1, 1])))
    assert result.predictions.tolist() == [0, 1, 2, 0]
    assert result.accuracy == 0.25
    assert result.confusion(3).tolist() == [[1, 0, 0], [1, 0, 1], [0, 1, 0]]
    e, dim = np.exp(2.0), np.exp(1.6)
    expected = [e / (e + 2), e / (e + 2), dim / (dim + 2), e / (2 * e + 1)]
    assert result.confidences == pytest.approx(expected, rel=1e-6)
    assert result.worst().tolist() == [1, 2, 3], "the most confident first"
    assert result.worst(1).tolist() == [1]


def test_the_loss_of_a_split_is_the_mean_over_all_images_not_over_batches() -> None:
    data, net = blobs(images=300, test=1), network()
    z = torch.from_numpy(np.asarray(net.predict(data.train.images)))
    expected = float(functional.cross_entropy(z, torch.from_numpy(data.train.labels)))
    assert evaluate(net, data.train).loss == pytest.approx(expected, rel=1e-6)


def test_a_final_softmax_is_left_out_of_a_cross_entropy() -> None:
    """Its probabilities underflow to 0, whose logarithm is not the loss."""
    split = Split(PIXELS[:2], np.array([1, 1]))
    result = evaluate(through(500.0, Softmax()), split)
    assert result.loss == pytest.approx(250.0, rel=1e-6)
    assert result.accuracy == 0.5


def test_a_squared_error_reads_the_softmax() -> None:
    split = Split(PIXELS[:1], np.array([1]))
    assert evaluate(through(500.0, Softmax()), split, SquaredError()).loss == pytest.approx(1.0)


def test_the_models_own_loss_is_meant_when_none_is_named() -> None:
    net, split = network(), blobs().test
    assert evaluate(net, split).loss == evaluate(net, split, CrossEntropy()).loss
    assert evaluate(net, split).loss != evaluate(net, split, SquaredError()).loss


def test_a_network_that_diverged_is_measured_without_warnings() -> None:
    net = through(1.0)
    net.set_parameters({"fc1.weight": np.full((3, 3), np.inf)})
    assert np.isnan(evaluate(net, Split(PIXELS, np.zeros(4, np.int64))).loss)


def test_no_image_and_unknown_classes_are_refused() -> None:
    with pytest.raises(DataError, match="at least one image"):
        evaluate(network(), blobs().test.subset(np.arange(0)))
    with pytest.raises(DataError, match="classes are 0 to 2, received 7"):
        evaluate(through(1.0), Split(PIXELS, np.array([0, 1, 7, 2])))
