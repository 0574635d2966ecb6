"""The meta-step of second-order MAML in JAX."""

import jax
import jax.numpy as jnp
import optax
from _workloads import INNER_LR, SIDE
from jax import lax


def with_jax(work):
    network, weights = network_of(work), weights_of(work)
    support, query = work.episode
    rows = [jnp.array(part.cpu().numpy()) for part in (*support[:2], *query[:2])]

    def loss(weights, X, y):
        outputs = network(weights, X)
        if work.classes:
            entropy = optax.softmax_cross_entropy_with_integer_labels
            return entropy(outputs, y).mean()
        return jnp.square(outputs[:, 0] - y).mean()

    def of_task(weights, X, y, X_query, y_query):
        for _ in range(work.steps):
            gradients = jax.grad(loss)(weights, X, y)
            weights = [
                w - INNER_LR * g for w, g in zip(weights, gradients, strict=True)
            ]
        return loss(weights, X_query, y_query)

    def meta_loss(weights, *rows):
        return jax.vmap(of_task, (None, 0, 0, 0, 0))(weights, *rows).mean()

    optimizer = optax.adam(1e-3)

    @jax.jit
    def update(weights, state, *rows):
        loss, gradients = jax.value_and_grad(meta_loss)(weights, *rows)
        updates, state = optimizer.update(gradients, state)
        return loss, optax.apply_updates(weights, updates), state

    current = [weights, optimizer.init(weights)]

    def step():
        loss, *current[:] = update(*current, *rows)
        return float(loss)  # waits for the result

    return step


def weights_of(work):
    return [jnp.array(weight.cpu().numpy()) for weight in work.weights()]


def network_of(work):
    """Return a function of weights and rows."""
    if work.hidden:
        return _mlp
    n_groups, ceil_mode = work.n_groups(), work.backbone.ceil_mode
    return lambda weights, X: _conv4(weights, X, n_groups, ceil_mode)


def _mlp(weights, X):
    for matrix, shift in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        X = jax.nn.relu(X @ matrix.T + shift)
    return X @ weights[-2].T + weights[-1]


def _conv4(weights, X, n_groups, ceil_mode):
    X = X.reshape(-1, 1, SIDE, SIDE)
    for kernel, bias, scale, shift in zip(*(iter(weights[:-2]),) * 4, strict=True):
        X = lax.conv_general_dilated(X, kernel, (1, 1), "SAME")
        X = X + bias[:, None, None]
        X = lax.reduce_window(
            X,
            -jnp.inf,
            lax.max,
            (1, 1, 2, 2),
            (1, 1, 2, 2),
            "SAME" if ceil_mode else "VALID",
        )
        groups = X.reshape(len(X), n_groups, -1)
        mean = groups.mean(axis=-1, keepdims=True)
        variance = groups.var(axis=-1, keepdims=True)
        X = ((groups - mean) * lax.rsqrt(variance + 1e-5)).reshape(X.shape)
        X = jax.nn.relu(X * scale[:, None, None] + shift[:, None, None])
    return X.reshape(len(X), -1) @ weights[-2].T + weights[-1]
