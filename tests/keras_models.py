"""Small Keras models, a family of layers each, with weights and statistics that are drawn at random."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
from keras import layers

SEQUENTIALS = {
    "convolutions": [
        layers.InputLayer((9, 8, 3)),
        layers.Conv2D(4, 3, activation="relu"),
        layers.Conv2D(6, (2, 3), strides=2, padding="same", groups=2, use_bias=False),
        layers.Conv2D(5, 3, dilation_rate=2, padding="same", activation="tanh"),
        layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", activation="sigmoid"),
        layers.SeparableConv2D(4, 3, padding="same", depth_multiplier=2),
    ],
    "transposed": [
        layers.InputLayer((4, 5, 3)),
        layers.Conv2DTranspose(4, 3, strides=2),
        layers.Conv2DTranspose(4, 3, strides=2, padding="same"),
        layers.Conv2DTranspose(3, 2, strides=3, padding="same", use_bias=False),
        layers.Conv2DTranspose(2, 4, strides=2, padding="same", output_padding=1),
        layers.Conv2DTranspose(2, 2, strides=3, padding="valid"),
    ],
    "one-dimension": [
        layers.InputLayer((17, 3)),
        layers.Conv1D(4, 3, padding="causal", dilation_rate=2),
        layers.BatchNormalization(),
        layers.MaxPooling1D(2, padding="same"),
        layers.SeparableConv1D(5, 3),
        layers.ZeroPadding1D((1, 2)),
        layers.Cropping1D((2, 1)),
        layers.UpSampling1D(2),
        layers.Conv1DTranspose(3, 3, strides=2, padding="same"),
        layers.AveragePooling1D(3, 2, padding="same"),
        layers.SpatialDropout1D(0.2),
        layers.GlobalAveragePooling1D(),
    ],
    "poolings": [
        layers.InputLayer((11, 10, 4)),
        layers.MaxPooling2D(3, 2, padding="same"),
        layers.AveragePooling2D(3, 1, padding="same"),
        layers.AveragePooling2D((2, 1)),
        layers.GlobalMaxPooling2D(keepdims=True),
    ],
    "activations": [
        layers.InputLayer((4, 4, 3)),
        layers.LeakyReLU(0.2),
        layers.ELU(0.5),
        layers.Activation("swish"),
        layers.PReLU(shared_axes=[1, 2]),
        layers.Activation("gelu"),
        layers.Activation("mish"),
        layers.Activation("selu"),
        layers.Activation("softplus"),
        layers.Activation("hard_sigmoid"),
        layers.Activation("hard_silu"),
        layers.Activation("leaky_relu"),
        layers.ReLU(max_value=6),
        layers.ReLU(max_value=0.5),
        layers.ReLU(negative_slope=0.1),
        layers.Softmax(),
    ],
    "normalizations": [
        layers.InputLayer((5, 4, 6)),
        layers.Rescaling(1 / 127.5, offset=-1),
        layers.Normalization(mean=[0.1] * 6, variance=[0.5, 1, 2, 1, 1, 4]),
        layers.BatchNormalization(scale=False),
        layers.LayerNormalization(),
        layers.GroupNormalization(3),
        layers.BatchNormalization(center=False, scale=False),
        layers.GaussianNoise(0.1),
    ],
    "flattened": [
        layers.InputLayer((4, 3, 5)),
        layers.Conv2D(3, 2),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.Dense(7, activation="elu"),
        layers.Dense(4, activation="softmax"),
    ],
    "flattened-output": [layers.InputLayer((3, 2, 4)), layers.Flatten(), layers.Softmax()],
    "shapes": [
        layers.InputLayer((4, 6, 2)),
        layers.ZeroPadding2D(((1, 0), (2, 1))),
        layers.Cropping2D(((0, 1), (1, 2))),
        layers.UpSampling2D((2, 3)),
        layers.UpSampling2D(2, interpolation="bilinear"),
        layers.Permute((2, 3, 1)),
        layers.Reshape((16, -1)),
        layers.Dense(3),
        layers.Flatten(),
        layers.Reshape((4, 4, 3)),
        layers.Dense(2, activation="relu"),
    ],
}


def _gated() -> keras.Model:
    """A residual unit with squeeze and excitation, an inception join, an average, several outputs."""
    image = layers.Input((8, 7, 4))
    x = layers.Conv2D(4, 3, padding="same")(image)
    gate = layers.Reshape((1, 1, 4))(layers.GlobalAveragePooling2D()(x))
    gate = layers.Conv2D(4, 1, activation="sigmoid")(layers.Conv2D(2, 1, activation="relu")(gate))
    x = layers.Add()([image, layers.Multiply()([x, gate])])
    y = layers.Concatenate()([x, layers.MaxPooling2D(3, 1, padding="same")(x)])
    z = layers.Average()([layers.Conv2D(4, 1)(y), x, layers.Subtract()([x, image])])
    rows = layers.Concatenate(axis=1)([z, x])
    flat = layers.Concatenate()([layers.Flatten()(rows), layers.GlobalMaxPooling2D()(y)])
    return keras.Model(image, [layers.Dense(3)(flat), z])


def _nested() -> keras.Model:
    """A model with a Functional and a Sequential model among its layers."""
    inner_input = layers.Input((6, 6, 3), name="inner_image")
    inner = keras.Model(inner_input, layers.Conv2D(4, 3, activation="relu")(inner_input), name="backbone")
    head = keras.Sequential([layers.Flatten(), layers.Dense(3, name="dense")], name="head")
    image = layers.Input((6, 6, 3), name="image")
    return keras.Model(image, layers.Dense(2, name="dense")(head(inner(image))))


def _numbers() -> keras.Model:
    """Operations on tensors and plain numbers."""
    image = keras.Input((6, 5, 3))
    x = layers.Conv2D(4, 3, name="conv")(image)
    gate = layers.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)
    y = 1.5 - x * gate / 2.0
    return keras.Model(
        image, layers.Dense(2, name="dense")(layers.GlobalAveragePooling2D()(2.0 / (y * y + 1.0)))
    )


def names() -> list[str]:
    """Of all models."""
    return [*SEQUENTIALS, "gated", "nested", "numbers"]


def create(name: str) -> keras.Model:
    """A model by name, its weights drawn at random."""
    keras.utils.set_random_seed(0)
    if name in SEQUENTIALS:
        made = [type(layer).from_config(layer.get_config()) for layer in SEQUENTIALS[name]]
        model = keras.Sequential(made)
    else:
        model = {"gated": _gated, "nested": _nested, "numbers": _numbers}[name]()
    return drawn(model)


def drawn(model: keras.Model) -> keras.Model:
    """The model with statistics and slopes that are neither 0 nor 1."""
    generator = np.random.default_rng(0)
    for variable in model.variables:
        if variable.dtype != "float32":
            continue
        shape = tuple(variable.shape)
        if "variance" in variable.name:
            variable.assign(generator.uniform(0.5, 2, shape).astype(np.float32))
        elif any(word in variable.name for word in ("gamma", "beta", "mean", "bias", "alpha")):
            variable.assign(generator.normal(0.3, 0.3, shape).astype(np.float32))
    return model
