"""Models of Keras and TensorFlow.js.

Keras puts channels last: a kernel is (height, width, inputs, outputs), and Flatten goes through (H, W, C).
Graphs here have channels first, so kernels are transposed, and the rows of a dense layer behind a Flatten are
brought into the order (C, H, W).
"""
