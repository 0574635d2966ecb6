"""What is seen of a step: operations that no graph can hold, and what it depends on."""

from collections import deque

import numpy as np
import pytest
import torch
from torch import nn

from skmeta.algorithms import MAML
from skmeta.engine.watching import CannotCaptureError, Watching, fingerprint

CPU = torch.device("cpu")
X = torch.randn(4, 4, dtype=torch.double)
X = X @ X.mT + torch.eye(4)
MASK = torch.tensor([True, False, True, True])


def watch(call, device=CPU):
    with Watching(device) as watching:
        call()
    return watching


@pytest.mark.parametrize(
    "call",
    [
        lambda: X.sum().item(),
        lambda: bool(X.sum() > 0),
        lambda: X[MASK],
        lambda: X.clone().index_put_((MASK,), X[:3]),
        MASK.nonzero,
        lambda: torch.equal(X, X),
        X.unique,
        lambda: torch.repeat_interleave(X, torch.tensor([1, 2, 1, 1]), dim=0),
        lambda: torch.linalg.solve(X, X),
        lambda: torch.linalg.cholesky(X),
        lambda: torch.linalg.eigh(X),
        lambda: torch.cholesky_solve(X, X),
        lambda: torch.tensor([1.0, 2.0]),
        lambda: torch.rand(3, generator=torch.Generator()),
    ],
)
def test_what_waits_for_a_card_is_seen(call):
    assert watch(call).reason is not None
    with pytest.raises(CannotCaptureError), Watching(CPU, stops=True):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: X[:, 1:],
        lambda: X.index_select(0, MASK.long()),
        lambda: X[MASK.long()],
        lambda: torch.where(MASK, X, 0.0) * 2 + X.mean(),
        lambda: X.masked_fill(MASK, torch.nan),
        lambda: X.repeat_interleave(2, dim=0),
        lambda: torch.linalg.cholesky_ex(X),
        lambda: torch.linalg.solve_triangular(X, X, upper=False),
        lambda: torch.rand(3),
        lambda: nn.functional.dropout(X),
        lambda: nn.functional.scaled_dot_product_attention(X, X, X),
        lambda: torch.zeros(3).to(torch.double),
    ],
)
def test_what_a_graph_can_hold_is_let_pass(call):
    assert watch(call).reason is None


def test_numbers_that_cross_between_devices_are_seen():
    far = torch.device("meta")
    there = torch.zeros(3, device=far)
    for call in (
        lambda: torch.zeros(3).to(far),
        lambda: there.copy_(torch.zeros(3)),
        lambda: torch.randperm(3),
    ):
        assert watch(call, far).reason is not None
    # A number goes with the operation, and what stays on the CPU is no matter.
    for call in (lambda: there * torch.tensor(2.0), lambda: torch.ones(3) + 1):
        assert watch(call, far).reason is None


def test_a_trace_tells_numbers_of_python_and_sizes_apart():
    other_numbers = X + 1

    def step(factor, rows=X):
        weight = torch.zeros(4, dtype=torch.double, requires_grad=True)
        (factor * (rows @ weight).square().sum()).backward()

    trace = watch(lambda: step(2.0)).trace
    assert trace == watch(lambda: step(2.0, other_numbers)).trace
    assert trace != watch(lambda: step(3.0)).trace
    assert trace != watch(lambda: step(2.0, X[:2])).trace
    far = torch.device("meta")
    there = torch.zeros(3, device=far)
    one, other = (
        watch(lambda n=n: there * torch.tensor(n), far).trace for n in (2.0, 3.0)
    )
    assert one != other


class Part(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.register_buffer("total", torch.zeros(2))
        self.rate, self.places = 0.1, [1, deque([2])]
        self.options = {"a": {3}, "b": np.arange(3)}
        self.rng = np.random.default_rng(0)
        self.algorithm = MAML(inner_lr=0.1)


@pytest.mark.parametrize(
    "change",
    [
        lambda part: part.eval(),
        lambda part: part.layer.weight.requires_grad_(False),
        lambda part: setattr(part.layer.weight, "data", torch.zeros(2, 2)),
        lambda part: setattr(part, "total", torch.zeros(2)),
        lambda part: setattr(part, "rate", 0.2),
        lambda part: part.places[1].append(4),
        lambda part: part.options["a"].add(5),
        lambda part: part.options["b"].fill(5),
        lambda part: part.rng.random(),
        lambda part: setattr(part.algorithm, "inner_steps", 3),
        lambda part: setattr(part, "layer", nn.Linear(2, 2)),
        lambda part: setattr(part, "new", None),
    ],
)
def test_what_a_step_may_depend_on_is_looked_at(change):
    part = Part()
    before = fingerprint(CPU, part)
    assert fingerprint(CPU, part) == before
    hash(before)
    change(part)
    assert fingerprint(CPU, part) != before


def test_numbers_of_tensors_on_the_device_may_change():
    part = Part()
    part.own = torch.zeros(3)
    before, far = fingerprint(CPU, part), fingerprint(torch.device("meta"), part.own)
    with torch.no_grad():
        for tensor in (part.own, part.total, part.layer.weight):
            tensor.add_(1.0)
    assert fingerprint(CPU, part) == before
    assert fingerprint(torch.device("meta"), part.own) != far
