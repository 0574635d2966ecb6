"""Learners in float64 and episodes of unequal tasks."""

import pytest
import torch

from skmeta.backbones import MLP
from skmeta.episodes import Episode
from tests.algorithms.transfer import labelled
from tests.batches import make_batch


@pytest.fixture(params=["relu", "tanh"])
def make(generator, request):
    """Build a learner in float64 with an episode of three unequal tasks.

    With ReLU its inner steps are written out, with tanh they are torch's own.
    """

    def build(algorithm, spec):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            backbone = MLP((6, 5), activation=request.param)
            module = algorithm.build(backbone, spec).double()
        support = make_batch(spec, [5, 7, 4], generator)
        query = make_batch(spec, [6, 3, 8], generator)
        return module, Episode(support, query)

    return build


@pytest.fixture
def episode_for():
    """Draw episodes of unequal tasks, in which a class may have no support row."""
    generator = torch.Generator().manual_seed(1)

    def draw(spec):
        return Episode(
            make_batch(spec, [9, 12, 7], generator),
            make_batch(spec, [6, 3, 8], generator),
        )

    return draw


@pytest.fixture
def labelled_episode_for():
    generator = torch.Generator().manual_seed(1)

    def draw(spec):
        return Episode(
            labelled(make_batch(spec, [9, 12, 7], generator), spec),
            labelled(make_batch(spec, [6, 3, 8], generator), spec),
        )

    return draw
