"""A plugin that answers by a wrong shape is named, with the shapes."""

import pytest
import torch
from torch import nn

from skmeta.algorithms import MAML, ProtoNet
from skmeta.augmentations import Augmentation
from skmeta.backbones import Backbone
from skmeta.distances import Distance
from tests.quick import TASK, X, Y, classifier, regressor, wine

WINE, CULTIVAR, BARREL = wine()


class Wide(Backbone):
    """Says that it is wider than it is."""

    def build(self, n_features):
        network = nn.Sequential(nn.Linear(n_features, 7))
        network.out_features = 8
        return network


class Flat(Backbone):
    """Forgets the axis of tasks."""

    def build(self, n_features):
        network = nn.Sequential(nn.Linear(n_features, 8), nn.Flatten(0, 1))
        network.out_features = 8
        return network


class Turned(Distance):
    def build(self, width):
        return lambda a, b: torch.cdist(b, a)


class Squeezed(MAML):
    """Answers values without the axis of outputs."""

    def predict(self, module, state, X, offset=None):
        return super().predict(module, state, X).squeeze(-1)


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        (Wide(), r"Wide\(\) embeds .* tensor of \(2, 3, 7\), and must .*\(2, 3, 8\)"),
        (Flat(), r"Flat\(\) embeds .* tensor of \(6, 8\), and must .*\(2, 3, 8\)"),
    ],
)
@pytest.mark.parametrize("algorithm", ["maml", "r2d2"])
def test_a_backbone_is_named(algorithm, backbone, message):
    with pytest.raises(ValueError, match=message):
        regressor(algorithm=algorithm, backbone=backbone).fit(X, Y, groups=TASK)


def test_a_distance_is_named():
    message = r"Turned\(\) measures .* tensor of \(2, 4, 3\), and must .*\(2, 3, 4\)"
    with pytest.raises(ValueError, match=message):
        classifier(ProtoNet(Turned())).fit(WINE, CULTIVAR, groups=BARREL)


def test_an_algorithm_is_named_where_losses_would_be_broadcast():
    message = r"Squeezed.predict must return .*\(8, 5, ...\), and returned \(8, 5\)"
    with pytest.raises(ValueError, match=message):
        regressor(algorithm=Squeezed(), early_stopping=False).fit(X, Y, groups=TASK)


def test_other_errors_stay_as_they_are():
    class Broken(MAML):
        def adapt(self, module, support):
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        regressor(algorithm=Broken()).fit(X, Y, groups=TASK)


class Flattened(Augmentation):
    """Gives values another axis, which the loss would broadcast."""

    def augment(self, episode, spec, rng):
        query = episode.query._replace(y=episode.query.y.unsqueeze(-1))
        return episode._replace(query=query)


class Forgetful(Augmentation):
    def augment(self, episode, spec, rng):
        return tuple(episode)


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        (Flattened(), r"Flattened.* made query.y of \(8, 5, 1\) out of \(8, 5\)"),
        (Forgetful(), r"Forgetful.* must return an Episode, and returned tuple"),
    ],
    ids=["shape", "type"],
)
def test_an_augmentation_is_named(augment, message):
    with pytest.raises(ValueError, match=message):
        regressor(augment=augment).fit(X, Y, groups=TASK)
