"""Whatever skmeta offers by name keeps the laws of its kind, as plugins have to."""

import pytest
from torch import nn

from skmeta import plugins
from skmeta.algorithms import ANIL, MAML, ProtoNet
from skmeta.backbones import Backbone
from skmeta.testing import LAWS, check, check_algorithm
from tests.omniglot import two_runs

BUILT_INS = [
    (kind, entry.name)
    for kind in LAWS
    for entry in plugins.entries(kind)
    if entry.is_builtin
]


@pytest.fixture
def to_fetch(website, home, monkeypatch):
    """What a dataset by name downloads is here, in small."""
    website.publish("runs", two_runs())
    monkeypatch.setenv("SKMETA_DATA", str(home))


@pytest.mark.parametrize(("kind", "name"), BUILT_INS)
def test_every_built_in_keeps_the_laws(kind, name, to_fetch):
    check(kind, f"skmeta:{name}")


class Foreign(Backbone):
    """Layers that know of no task axis, as a plugin's may be."""

    def build(self, n_features):
        network = nn.Sequential(
            nn.Linear(n_features, 6), nn.LayerNorm(6), nn.Linear(6, 5), nn.Tanh()
        )
        network.out_features = 5
        return network


@pytest.mark.parametrize(
    "algorithm", [MAML(inner_steps=2), ANIL(), ProtoNet()], ids=repr
)
def test_laws_hold_with_layers_that_know_no_task_axis(algorithm):
    check_algorithm(algorithm, backbone=Foreign())
