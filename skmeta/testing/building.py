"""What is built for rows of a width: which width it takes, and trials of it."""

import itertools
import math
import pickle
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, ClassVar, Self

import torch
from sklearn.base import clone
from torch import Tensor, nn

from skmeta.testing.expect import copies, expect_same_parameters, gradients_of
from skmeta.testing.law import BreachError, Trial
from skmeta.utils.random import seeded

__all__ = ["BuiltTrial", "build_perturbed", "width_that_builds"]

_WIDTHS = (4, 16, 64, 784, 1024, 3072)
"""Widths to try in turn: a few features, then images, which not every width is."""

_PERTURBATION = 0.05


class BuiltTrial(Trial):
    """On trial is what ``subject.build(n_features)`` returns, and rows for it.

    It is in float64 and evaluation mode, so that two ways to one result agree to many
    digits.

    Parameters
    ----------
    subject : object
        What is tried.
    n_features : int, default=None
        Features of a row. None takes the first of a few widths, from 4 to those of
        images, for which it builds.
    seed : int, default=0
        Decides the parameters and the rows.
    shape : tuple of two int, default=None
        How many rows there are; the largest of ``shapes`` if None.
    """

    shapes: ClassVar[tuple[tuple[int, ...], tuple[int, ...]]]
    """Along each of the two axes, the sizes to look for a smallest case in."""

    def __init__(
        self,
        subject: Any,
        n_features: int | None = None,
        seed: int = 0,
        shape: tuple[int, int] | None = None,
    ):
        self.subject = subject
        self.seed = seed
        self.n_features = n_features or width_that_builds(subject.build)
        self.shape = shape or tuple(map(max, self.shapes))
        self._rng = torch.Generator().manual_seed(seed)

    def smaller(self) -> Iterator[Self]:
        """Make the same trial with fewer rows and features, the fewest first."""
        widths = (1, 2, 4) if self.n_features == _WIDTHS[0] else (self.n_features,)
        sizes = itertools.product(*self.shapes, widths)
        for n, m, width in sorted(sizes, key=math.prod):
            yield type(self)(self.subject, width, self.seed, (n, m))

    def build(self, subject: Any = None) -> Any:
        """Build, the same each time."""
        subject = subject or self.subject
        return build_perturbed(subject.build, self.n_features, self.seed)

    @cached_property
    def built(self) -> Any:
        """What most laws look at."""
        return self.build()

    def call(self, *rows: Tensor, built: Any = None, seed: int = 0) -> Tensor:
        """Call it as an estimator does: recording nothing, from a fixed seed."""
        with seeded(seed), torch.no_grad():
            return (built or self.built)(*rows)

    def rows(self, *shape: int) -> Tensor:
        """Draw features."""
        shape = (*shape, self.n_features)
        return torch.randn(shape, generator=self._rng, dtype=torch.float64)

    def copies(self) -> Iterator[tuple[str, Any]]:
        """Go through what copies of the subject build, and a copy of what it built."""
        subject = self.subject
        again = clone(subject).set_params(**subject.get_params())
        for how, twin in [
            *copies(subject),
            ("what set_params returns", again),
            ("building again", subject),
        ]:
            expect_same_parameters(how, twin, subject)
            yield how, self.build(twin)
        yield "a pickle of what it builds", pickle.loads(pickle.dumps(self.built))

    def gradients(self, *inputs: tuple[Tensor, ...]) -> list[dict[str, Tensor | None]]:
        """Return the parameters' gradients in training mode, for each input."""
        built, found = self.build().train(), []
        rng = torch.Generator().manual_seed(0)
        with seeded(0), torch.enable_grad():
            for rows in inputs:
                output = built(*rows)
                # Random weights: the sum might not depend on what is normalised.
                weight = torch.randn(output.shape, generator=rng, dtype=output.dtype)
                built.zero_grad()
                if output.requires_grad:
                    (weight * output).sum().backward()
                found.append(gradients_of(built))
        return found

    def expect_finite(self, what: str, **inputs: Tensor) -> None:
        """Expect a finite output and finite gradients, whatever the inputs are."""
        built = self.build()
        inputs = {name: rows.clone().requires_grad_() for name, rows in inputs.items()}
        with seeded(0), torch.enable_grad():
            output = built(*inputs.values())
            if not output.isfinite().all():
                raise BreachError(f"the output is not finite for {what}")
            if output.requires_grad:
                output.sum().backward()
        learnt = built.named_parameters() if isinstance(built, nn.Module) else ()
        for name, tensor in [*inputs.items(), *learnt]:
            if tensor.grad is not None and not tensor.grad.isfinite().all():
                raise BreachError(f"the gradient of {name} is not finite for {what}")


def width_that_builds(build: Callable[[int], Any]) -> int:
    """Return the first of a few widths that ``build`` does not refuse."""
    for n_features in _WIDTHS:
        try:
            build(n_features)
        except ValueError:
            continue
        except Exception:
            break
        return n_features
    return _WIDTHS[0]  # what it says to that is then what is reported


def build_perturbed(build: Callable[..., Any], argument: Any, seed: int) -> Any:
    """Build the same each time; of a module, in float64 and evaluation mode.

    Parameters are moved a little from where they start, for one that starts at zero
    would hide what is done with it.
    """
    with seeded(seed):
        module = build(argument)
    if not isinstance(module, nn.Module):
        return module
    rng = torch.Generator().manual_seed(seed + 1)
    module = module.double().eval()
    with torch.no_grad():
        for weight in module.parameters():
            noise = torch.randn(weight.shape, generator=rng, dtype=torch.float64)
            weight.add_(noise, alpha=_PERTURBATION)
    return module
