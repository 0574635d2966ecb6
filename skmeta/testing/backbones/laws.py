"""The laws that every backbone keeps."""

import torch
from torch import Tensor, nn
from torch.func import functional_call

from skmeta.nn import apply, apply_per_task
from skmeta.testing.backbones.trial import BackboneTrial
from skmeta.testing.expect import (
    expect_gradients,
    expect_same,
    expect_unchanged,
    snapshot,
)
from skmeta.testing.law import BreachError, Law, lawmaker
from skmeta.utils.messages import count
from skmeta.utils.random import seeded

__all__ = ["BACKBONE_LAWS"]


def _may_have_weights_per_task(trial: BackboneTrial) -> bool:
    parts = trial.built.modules()
    return any(True for _ in trial.built.parameters()) and not any(
        isinstance(part, nn.modules.batchnorm._BatchNorm) for part in parts
    )


law = lawmaker("backbone", BackboneTrial.trials)


@law("set network.out_features to the width of the last layer.")
def output_has_out_features(trial: BackboneTrial) -> None:
    """The network maps (rows, n_features) to (rows, out_features)."""
    width = getattr(trial.built, "out_features", None)
    if not isinstance(width, int) or width < 1:
        raise BreachError(f"out_features is {width!r}, no number of columns")
    for n_rows in (1, trial.n_rows):
        X = trial.rows(n_rows)
        shape = tuple(trial.call(X).shape)
        if shape != (n_rows, width):
            raise BreachError(
                f"X of shape {tuple(X.shape)} becomes {shape} where out_features is "
                f"{width}"
            )


@law(
    "make new tensors like the input (x.new_zeros, torch.zeros_like) and hold "
    "constants in buffers, which follow the module."
)
def dtype_is_kept(trial: BackboneTrial) -> None:
    """Float32 rows give a float32 embedding, float64 rows a float64 one."""
    for dtype in (torch.float32, torch.float64):
        module = trial.build().to(dtype)
        found = trial.call(trial.rows(trial.n_rows).to(dtype), built=module)
        if found.dtype != dtype:
            raise BreachError(f"rows of {dtype} give an embedding of {found.dtype}")


@law(
    "reduce over features, never over rows; batch normalisation must use its running "
    "statistics in evaluation mode."
)
def rows_do_not_mix(trial: BackboneTrial) -> None:
    """In evaluation mode a row is embedded alike, whatever rows are beside it."""
    X = trial.rows(trial.n_rows)
    together = trial.call(X)
    for i in range(trial.n_rows):
        what = f"row {i} beside {count(trial.n_rows - 1, 'other')}"
        expect_same(what, together[i : i + 1], trial.call(X[i : i + 1]))


@law(
    "a layer that says carries_task_axis = True must treat every leading axis alike; "
    "flatten features by flatten(start_dim=-k), and reduce over dim=-1."
)
def tasks_do_not_mix(trial: BackboneTrial) -> None:
    """A batch of tasks is embedded as the tasks one by one."""
    X = trial.rows(trial.n_tasks, trial.n_rows)
    with seeded(0), torch.no_grad():
        together = apply(trial.built, X)
    for i, own in enumerate(X):
        expect_same(f"task {i} of {trial.n_tasks}", together[i], trial.call(own))


@law(
    "torch.func.vmap must be able to follow: no .item(), no branch on a value, nothing "
    "changed in place, no batch norm; or use the layers of skmeta.nn. Algorithms that "
    "learn by distance or in closed form do without.",
    applies=_may_have_weights_per_task,
)
def each_task_may_have_its_own_weights(trial: BackboneTrial) -> None:
    """With weights of its own, as in MAML, each task is embedded by its own ones."""
    X, weights = trial.rows(trial.n_tasks, trial.n_rows), trial.weights()
    with seeded(0), torch.no_grad():
        together = apply_per_task(trial.built, weights, X)
        for i, rows in enumerate(X):
            own = {name: weight[i] for name, weight in weights.items()}
            alone = functional_call(trial.built, own, (rows,))
            expect_same(f"task {i} of {trial.n_tasks}", together[i], alone)


@law(
    "no detach and no no_grad on the way; clamp before a root, a division or a "
    "logarithm, whose second derivative counts here.",
    applies=_may_have_weights_per_task,
)
def inner_steps_can_be_differentiated(trial: BackboneTrial) -> None:
    """A gradient step on a task's weights has a finite meta-gradient, its own."""
    X, weights = trial.rows(trial.n_tasks, trial.n_rows), trial.weights()
    together = _meta_gradient(trial.built, weights, X)
    if not any(gradient.any() for gradient in together.values()):
        raise BreachError("no weight has a meta-gradient")
    for i in range(trial.n_tasks):
        own = {
            name: weight[i : i + 1].detach().requires_grad_()
            for name, weight in weights.items()
        }
        alone = _meta_gradient(trial.built, own, X[i : i + 1])
        for name, gradient in alone.items():
            what = f"the meta-gradient of {name} in task {i} of {trial.n_tasks}"
            if not gradient.isfinite().all():
                raise BreachError(f"{what} is not finite")
            expect_same(what, together[name][i : i + 1], gradient)


def _meta_gradient(
    module: nn.Module, weights: dict[str, Tensor], X: Tensor
) -> dict[str, Tensor]:
    """Differentiate the loss after one inner step by the weights before it."""
    with seeded(0), torch.enable_grad():
        inner = apply_per_task(module, weights, X).square().sum()
        steps = torch.autograd.grad(
            inner, [*weights.values()], create_graph=True, materialize_grads=True
        )
        moved = {
            name: weight - 0.01 * step
            for (name, weight), step in zip(weights.items(), steps, strict=True)
        }
        outer = apply_per_task(module, moved, X).square().sum()
        found = torch.autograd.grad(outer, [*weights.values()], materialize_grads=True)
    return dict(zip(weights, found, strict=True))


@law(
    "a parameter that the embedding does not depend on cannot be learnt: look for "
    "detach, no_grad and layers that are built but not called."
)
def every_parameter_gets_a_gradient(trial: BackboneTrial) -> None:
    """Every parameter that requires a gradient gets one from the embedding."""
    batches = [(trial.rows(16),) for _ in range(3)]
    expect_gradients(trial.gradients(*batches), "outputs")


@law("clamp counts, norms and variances away from zero; a feature may be constant.")
def embedding_is_finite(trial: BackboneTrial) -> None:
    """Rows that are zero, alike or large give a finite embedding and gradient."""
    rows = trial.rows(trial.n_rows)
    for what, given in [
        ("rows of zeros", torch.zeros_like(rows)),
        ("rows that are all alike", rows[:1].expand_as(rows)),
        ("rows a hundred times as large", 100 * rows),
    ]:
        trial.expect_finite(what, X=given)


@law(
    "draw at random and update statistics in training mode only: test self.training, "
    "or use torch's layers, which do."
)
def evaluation_changes_nothing(trial: BackboneTrial) -> None:
    """In evaluation mode a second call gives the same, and nothing has changed."""
    X, before = trial.rows(trial.n_rows), snapshot(trial.built)
    first = trial.call(X, seed=1)
    expect_unchanged(before, snapshot(trial.built), "after a call in evaluation mode")
    expect_same("a second call", trial.call(X, seed=2), first)


@law(
    "build every layer anew, draw from torch's own generator, keep hyperparameters as "
    "they are given, and let classes stand at the top of a file."
)
def copies_build_the_same(trial: BackboneTrial) -> None:
    """A clone or a pickle, and the same one again, builds the same network anew."""
    X = trial.rows(trial.n_rows)
    want = trial.call(X)
    kept = {weight.data_ptr() for weight in trial.built.parameters()}
    for how, module in trial.copies():
        if kept & {weight.data_ptr() for weight in module.parameters()}:
            raise BreachError(f"{how} shares weights with the network built before")
        expect_same(how, trial.call(X, built=module), want)


BACKBONE_LAWS: tuple[Law, ...] = (
    output_has_out_features,
    dtype_is_kept,
    rows_do_not_mix,
    tasks_do_not_mix,
    each_task_may_have_its_own_weights,
    inner_steps_can_be_differentiated,
    every_parameter_gets_a_gradient,
    embedding_is_finite,
    evaluation_changes_nothing,
    copies_build_the_same,
)
"""The laws of backbones, in the order in which they are tried."""
