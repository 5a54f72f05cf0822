"""A small neural network in plain NumPy: one hidden layer, softmax, stochastic gradient descent with momentum."""

import numpy as np

NAMES = ["hidden.weight", "hidden.bias", "output.weight", "output.bias"]


def initial(seed, inputs=64, hidden=48, outputs=10):
    """The weights that everybody starts from."""
    random = np.random.default_rng(seed)
    layer = lambda m, n: random.normal(0, np.sqrt(2 / m), (m, n)).astype(np.float32)
    return [layer(inputs, hidden), np.zeros(hidden, np.float32), layer(hidden, outputs), np.zeros(outputs, np.float32)]


def forward(weights, x):
    """The hidden layer's activations and the probabilities of the classes."""
    w1, b1, w2, b2 = weights
    hidden = np.maximum(x @ w1 + b1, 0)
    scores = hidden @ w2 + b2
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return hidden, exponentials / exponentials.sum(axis=1, keepdims=True)


def gradients(weights, x, y):
    """The gradient of the mean cross-entropy, array by array."""
    hidden, error = forward(weights, x)
    error[np.arange(len(y)), y] -= 1
    error /= len(y)
    back = (error @ weights[2].T) * (hidden > 0)
    return [x.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)]


def train(weights, x, y, *, epochs, random, rate=0.05, momentum=0.9, batch=16):
    """Trains a copy of the weights on the samples given, and returns it."""
    weights = [w.copy() for w in weights]
    velocity = [np.zeros_like(w) for w in weights]
    for _ in range(epochs):
        order = random.permutation(len(y))
        for start in range(0, len(y), batch):
            chosen = order[start:start + batch]
            for w, v, g in zip(weights, velocity, gradients(weights, x[chosen], y[chosen])):
                v *= momentum
                v -= rate * g
                w += v
    return weights


def accuracy(weights, x, y):
    """The share of samples whose most probable class is the right one."""
    return float((forward(weights, x)[1].argmax(axis=1) == y).mean())
