"""The built-in algorithms keep every law."""

import pytest
from torch import nn

from skmeta.algorithms import ANIL, BOIL, FOMAML, MAML, MetaSGD, ProtoNet
from skmeta.backbones import Backbone
from skmeta.distances import Cosine, Euclidean, Mahalanobis, Manhattan
from skmeta.testing import check_algorithm, parametrize_with_algorithm_checks


class Foreign(Backbone):
    """Layers that know of no task axis, as a plugin's may be."""

    def build(self, n_features):
        network = nn.Sequential(
            nn.Linear(n_features, 6), nn.LayerNorm(6), nn.Linear(6, 5), nn.Tanh()
        )
        network.out_features = 5
        return network


@parametrize_with_algorithm_checks(
    [
        MAML(),
        MAML(pseudo_rows=3.0),
        FOMAML(),
        BOIL(),
        MetaSGD(),
        MAML(inner_steps=2, adapt_steps=4),
        MAML(learn_inner_lr=False),
        ANIL(),
        ProtoNet(Euclidean()),
        ProtoNet(Cosine()),
        ProtoNet(Manhattan()),
        ProtoNet(Mahalanobis(rank=2)),
        ProtoNet(learn_scale=False),
    ]
)
def test_algorithm_keeps_the_law(algorithm, check):
    check(algorithm)


@pytest.mark.parametrize(
    "algorithm", [MAML(inner_steps=2), ANIL(), ProtoNet()], ids=repr
)
def test_laws_hold_with_layers_that_know_no_task_axis(algorithm):
    check_algorithm(algorithm, backbone=Foreign())
