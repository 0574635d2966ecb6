"""The laws that every distance keeps, and the check against them."""

import itertools
from typing import Literal

import torch
from torch import Tensor, nn

from skmeta.distances.base import Distance
from skmeta.testing.building import BuiltTrial
from skmeta.testing.expect import expect_gradients, expect_same
from skmeta.testing.law import BreachError, Law, lawmaker
from skmeta.testing.run import LawResult, run_laws
from skmeta.utils.messages import count
from skmeta.utils.random import seeded

__all__ = ["DISTANCE_LAWS", "DistanceTrial", "check_distance"]

_ROUNDING = 1e-9
_N_DRAWS = 20  # what is wrong with few pairs only is rare among few


class DistanceTrial(BuiltTrial):
    """A distance on trial: the callable that it builds, and two sets of rows."""

    shapes = ((1, 2, 4), (1, 2, 3))  # rows of the one set, of the other

    @property
    def size(self) -> str:
        """How large the generated embeddings are."""
        n, m = self.shape
        return (
            f"{count(n, 'row')} against {m}, with {count(self.n_features, 'feature')}"
        )

    def sets(self) -> tuple[Tensor, Tensor]:
        """Draw two sets of embedded rows."""
        n, m = self.shape
        return self.rows(n), self.rows(m)


law = lawmaker("distance", DistanceTrial.trials)


@law(
    "compare a.unsqueeze(-2) with b.unsqueeze(-3), or use a matrix product, a @ b.mT; "
    "then reduce over the features, dim=-1."
)
def there_is_a_distance_per_pair(trial: DistanceTrial) -> None:
    """Rows (n, d) against (m, d) give (n, m): of each pair, whatever is beside it."""
    (n, m), (a, b) = trial.shape, trial.sets()
    distances = trial.call(a, b)
    if tuple(distances.shape) != (n, m):
        raise BreachError(
            f"{tuple(a.shape)} against {tuple(b.shape)} gives {tuple(distances.shape)}"
        )
    for i, j in itertools.product(range(n), range(m)):
        alone = trial.call(a[i : i + 1], b[j : j + 1])
        what = f"rows {i} and {j} among {n} and {m}"
        expect_same(what, distances[i : i + 1, j : j + 1], alone)


@law("count axes from the end: unsqueeze(-2), mT, sum(-1).")
def leading_axes_are_tasks(trial: DistanceTrial) -> None:
    """Leading axes are tasks, each measured alone; one set may serve them all."""
    n, m = trial.shape
    a, b = trial.rows(2, n), trial.rows(2, m)
    for what, left, right in [
        ("2 tasks", a, b),
        ("2 tasks in 1 row of tasks", a[None], b[None]),
        ("2 tasks against one set for both", a, b[:1]),
        ("one set for both against 2 tasks", a[0], b),
    ]:
        found = trial.call(left, right)
        lead = torch.broadcast_shapes(left.shape[:-2], right.shape[:-2])
        shape = (*lead, n, m)
        if tuple(found.shape) != shape:
            raise BreachError(f"{what} give shape {tuple(found.shape)} for {shape}")
        pairs = (
            rows.expand(*lead, *rows.shape[-2:]).flatten(0, -3)
            for rows in (left, right)
        )
        for own, *pair in zip(found.flatten(0, -3), *pairs, strict=True):
            expect_same(what, own, trial.call(*pair))


@law(
    "turn a similarity into a distance: 1 - s where s is at most 1. Smaller means more "
    "alike."
)
def nothing_is_nearer_than_itself(trial: DistanceTrial) -> None:
    """A distance is finite, not negative, and the smallest of a row to itself."""
    n, _ = trial.shape
    for _ in range(_N_DRAWS):
        a, b = trial.rows(2, n)
        across, own = trial.call(a, b), trial.call(a, a)
        rounding = _ROUNDING * across.abs().max().clamp(min=1.0)
        if not (across.isfinite().all() and own.isfinite().all()):
            raise BreachError("a distance between two rows is not finite")
        lowest = min(across.min(), own.min())
        if lowest < -rounding:
            raise BreachError(f"a distance is {lowest:.2g}")
        excess = (own.diagonal().unsqueeze(-1) - across).max()
        if excess > rounding:
            raise BreachError(
                f"a row is nearer to another than to itself by {excess:.2g}"
            )


@law(
    "clamp before a root or a division, (x + tiny).sqrt(): where two rows coincide the "
    "gradient of a root is infinite, and 0 times that is not a number."
)
def gradient_is_finite_where_rows_coincide(trial: DistanceTrial) -> None:
    """The gradient is finite where rows coincide, and at a row of zeros."""
    rows, _ = trial.sets()
    trial.expect_finite("rows that coincide", a=rows, b=rows)
    zeros = torch.zeros_like(rows)
    trial.expect_finite("rows of zeros", a=zeros, b=zeros)


@law("no .float(), no numpy, and no detach on the way; constants belong in buffers.")
def dtype_is_kept_and_gradients_pass(trial: DistanceTrial) -> None:
    """Float32 and float64 rows keep their type, and both sides get a gradient."""
    for dtype in (torch.float32, torch.float64):
        distance = trial.build()
        if isinstance(distance, nn.Module):
            distance = distance.to(dtype)
        a, b = (rows.to(dtype).requires_grad_() for rows in trial.sets())
        with seeded(0), torch.enable_grad():
            found = distance(a, b)
            if found.dtype != dtype:
                raise BreachError(f"rows of {dtype} give distances of {found.dtype}")
            if not found.requires_grad:
                raise BreachError("the distances carry no gradient")
            found.sum().backward()
        for name, rows in (("a", a), ("b", b)):
            if rows.grad is None:
                raise BreachError(f"no gradient reaches {name}")


@law("a parameter that no distance depends on cannot be learnt: look for detach.")
def every_parameter_gets_a_gradient(trial: DistanceTrial) -> None:
    """Every parameter that is learnt gets a gradient from the distances."""
    if isinstance(trial.built, nn.Module):
        pairs = [(trial.rows(5), trial.rows(4)) for _ in range(3)]
        expect_gradients(trial.gradients(*pairs), "outputs")


@law(
    "return a function that stands at the top of a file, no lambda, or a module; keep "
    "hyperparameters as they are given; draw nothing at random but first weights."
)
def copies_measure_the_same(trial: DistanceTrial) -> None:
    """A clone, a pickle or a second call measures the same."""
    a, b = trial.sets()
    want = trial.call(a, b)
    for how, distance in trial.copies():
        expect_same(how, trial.call(a, b, built=distance), want)
    with torch.no_grad():  # and no seed
        expect_same("a second call", trial.built(a, b), want)


DISTANCE_LAWS: tuple[Law, ...] = (
    there_is_a_distance_per_pair,
    leading_axes_are_tasks,
    nothing_is_nearer_than_itself,
    gradient_is_finite_where_rows_coincide,
    dtype_is_kept_and_gradients_pass,
    every_parameter_gets_a_gradient,
    copies_measure_the_same,
)
"""The laws of distances, in the order in which they are tried."""


def check_distance(
    distance: Distance | str,
    *,
    n_features: int | None = None,
    on_fail: Literal["raise"] | None = "raise",
    seed: int = 0,
) -> list[LawResult]:
    """Check that a distance keeps every law, on generated data.

    Parameters
    ----------
    distance : Distance or str
        An instance, or a registered name.
    n_features : int, default=None
        Width of the embedding. None takes the first of a few widths, from 4 to those
        of images of 28 x 28 and more, for which it builds.
    on_fail : {"raise", None}, default="raise"
        "raise" stops at the first law that is broken; None tries them all and leaves
        the outcome to the caller.
    seed : int, default=0
        Decides the generated parameters and rows.

    Returns
    -------
    list of LawResult
        One for each law.

    Raises
    ------
    BrokenLawError
        An AssertionError that names the law, what is wrong, the smallest case and a
        hint.
    TypeError
        If ``distance`` is a class.

    Examples
    --------
    >>> from skmeta.testing import check_distance
    >>> results = check_distance("manhattan")
    >>> print(results[0])
    passed  there_is_a_distance_per_pair
    """
    return run_laws(DISTANCE_LAWS, distance, on_fail, n_features=n_features, seed=seed)
