"""Devices: which there are, and what is computed where one lacks double precision."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from skmeta.algorithms import GP, R2D2, Spec, r2d2
from skmeta.algorithms.gaussian import exact, inducing, kernel
from skmeta.algorithms.shared import graph
from skmeta.backbones import MLP
from skmeta.episodes import Batch
from skmeta.utils.devices import check_device, wide_type


class InSinglePrecision(TorchDispatchMode):
    """Refuse double precision, as MPS does."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        for each in tree_leaves(found):
            if isinstance(each, torch.Tensor) and each.dtype == torch.float64:
                raise TypeError("Cannot convert to float64.")
        return found


def rows(n, kind, seed=0):
    generator = torch.Generator().manual_seed(seed)
    X = torch.randn(2, n, 3, generator=generator)
    y = X.sum(-1)
    if kind == "classifier":
        y = (y > 0).long()
    n_classes = torch.full((2,), 2 if kind == "classifier" else 0)
    return Batch(X, y, torch.ones(2, n, dtype=torch.bool), n_classes)


@pytest.mark.parametrize("kind", ["regressor", "classifier"])
@pytest.mark.parametrize("n_rows", [20, 400])
@pytest.mark.parametrize("algorithm", [GP(), R2D2()])
def test_tasks_are_learnt_without_double_precision(
    algorithm, n_rows, kind, monkeypatch
):
    spec = Spec(3, 1 if kind == "regressor" else 2, kind)
    torch.manual_seed(0)
    module = algorithm.build(MLP((8,)), spec).eval()

    @torch.no_grad()
    def answers():
        state = algorithm.adapt(module, rows(n_rows, kind))
        return algorithm.predict(module, state, rows(9, kind, seed=1).X)

    expected = answers()
    for each in (exact, graph, inducing, kernel, r2d2):
        monkeypatch.setattr(each, "wide_type", lambda tensor: tensor.dtype)
    with InSinglePrecision():
        torch.testing.assert_close(answers(), expected, rtol=0.01, atol=0.01)


def test_a_device_has_double_precision_unless_it_is_known_to_lack_it():
    assert wide_type(torch.zeros(1)) == torch.float64
    with pytest.raises(ValueError, match="device='mps:7' is none"):
        check_device("mps:7")
