"""Inner steps computed again: the same gradient in less memory."""

import sys

import pytest
import torch

from skmeta.algorithms import MAML
from skmeta.backbones import MLP
from skmeta.episodes import Episode
from tests import forked
from tests.batches import CLASSIFIER, REGRESSOR, make_batch


@pytest.mark.parametrize(
    "parameters",
    [
        {"inner_steps": 5, "learn_inner_lr": "step"},
        {"inner_steps": 4, "learn_inner_lr": "element", "first_order": True},
        {"inner_steps": 3, "adapt_only": "head"},
        {"inner_steps": 3, "adapt_only": "body", "learn_inner_lr": False},
        {"inner_steps": 0},
    ],
)
def test_checkpoints_change_no_gradient(parameters, make):
    gradients, (_, episode) = [], make(MAML(), CLASSIFIER)
    for checkpoint in (False, True):
        algorithm = MAML(0.3, checkpoint=checkpoint, **parameters)
        module, _ = make(algorithm, CLASSIFIER)
        algorithm.meta_backward(module, episode)
        gradients.append([weight.grad for weight in module.parameters()])
    for without, with_them in zip(*gradients, strict=True):
        if without is None:
            assert with_them is None
        else:
            torch.testing.assert_close(with_them, without)


PEAKS = """
import torch
from skmeta.algorithms import MAML, Spec
from skmeta.backbones import MLP
from skmeta.episodes import Batch, Episode

torch.set_num_threads(1)
X, y = torch.randn(8, 5, 32), torch.randn(8, 5)
rows = Batch(X, y, y == y, torch.zeros(8, dtype=torch.long))
for inner_steps, checkpoint in [(4, True), (64, True), (64, False)]:
    algorithm = MAML(1e-3, inner_steps, checkpoint=checkpoint)
    module = algorithm.build(MLP((256, 256)), Spec(32, 1, "regressor"))
    algorithm.meta_backward(module, Episode(rows, rows))
    with open("/proc/self/status") as status:  # getrusage knows the parent's peak, too
        print(*(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_checkpoints_keep_memory_from_growing_with_the_inner_steps():
    few, many, without = map(int, forked.run_code(PEAKS).split())
    assert many - few < (without - few) / 2


def test_checkpoints_drop_out_the_same_units_again():
    backbone = MLP((16, 16), activation="tanh", dropout=0.5)
    gradients = []
    for checkpoint in (False, True):
        torch.manual_seed(0)
        algorithm = MAML(0.3, inner_steps=3, checkpoint=checkpoint)
        module = algorithm.build(backbone, REGRESSOR).double().train()
        rows = make_batch(REGRESSOR, [5, 7, 4], torch.Generator().manual_seed(0))
        algorithm.meta_backward(module, Episode(rows, rows))
        gradients.append([weight.grad for weight in module.parameters()])
    for without, with_them in zip(*gradients, strict=True):
        torch.testing.assert_close(with_them, without)
