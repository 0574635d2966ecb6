"""What speaks for a row of no known class, computed naively."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.special import logit, softmax

from skmeta.algorithms import ProtoNet
from skmeta.backbones import MLP
from skmeta.engine.landmarks import CLUES, Landmarked, Units
from skmeta.episodes.spec import Spec
from skmeta.testing.algorithms.tasks import Rows, pad

D = 4


def units(shared):
    rng = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(shape, generator=rng, dtype=torch.float64)

    means = (draw(3, 5), draw(3, D)) if shared else (None, None)
    return Units(2.0, draw(D).abs() + 0.5, draw(D, D), *means)


def learner(shared):
    spec = Spec(
        n_features=D,
        n_outputs=3 if shared else 0,
        kind="classifier",
        label_space="shared" if shared else "per_task",
        n_train_classes=3,
    )
    torch.manual_seed(0)
    module = ProtoNet().build(MLP(hidden=(5,)), spec).double()
    return Landmarked(ProtoNet(), units(shared)), module


def tasks():
    rng = torch.Generator().manual_seed(1)
    sizes = [(5, 3), (2, 2)]
    return [
        Rows(
            torch.randn(n, D, generator=rng, dtype=torch.float64),
            torch.arange(n) % k,
            k,
        )
        for n, k in sizes
    ]


@pytest.mark.parametrize("shared", [False, True])
def test_clues_are_what_their_equations_say(shared):
    algorithm, module = learner(shared)
    each = tasks()
    if shared:
        each = [task._replace(n_classes=3) for task in each]
    X = torch.randn(2, 6, D, generator=torch.Generator().manual_seed(2)).double()
    with torch.no_grad():
        state = algorithm.adapt(module, pad(each))
        got = algorithm.clues(module, state, X).numpy()
        logits = algorithm.predict(module, state, X).numpy()
        known = algorithm.units
        for place, task in enumerate(each):
            p = softmax(logits[place], axis=1).max(axis=1)
            Z, rows = (module.backbone(x).numpy() for x in (X[place], task.X))
            own = np.unique(task.y)
            means = [rows[task.y.numpy() == k].mean(axis=0) for k in own]
            places = [task.X.numpy()[task.y.numpy() == k].mean(axis=0) for k in own]
            if shared:  # the mean over all tasks is a row more
                means, places = [], []
                for k in range(3):
                    member = task.y.numpy() == k
                    for found, points, more in (
                        (means, rows, known.means),
                        (places, task.X.numpy(), known.feature_means),
                    ):
                        both = np.vstack([points[member], more[k : k + 1].numpy()])
                        found.append(both.mean(axis=0))
                rows = np.vstack([rows, known.means.numpy()])
            expected = [-logit(p)]
            expected += [np.log(cdist(Z, b).min(axis=1) / 2) for b in (means, rows)]
            for scale in (np.diag(1 / known.features.numpy()), known.whitening.numpy()):
                near = cdist(X[place].numpy() @ scale, np.array(places) @ scale)
                expected.append(np.log(near.min(axis=1) / D**0.5))
            np.testing.assert_allclose(got[place], np.transpose(expected), rtol=1e-6)
    assert got.shape[-1] == len(CLUES)


def test_a_task_of_one_class_has_no_odds_and_all_distances():
    algorithm, module = learner(shared=False)
    X = torch.randn(1, 6, D, generator=torch.Generator().manual_seed(2)).double()
    task = tasks()[0]
    one = task._replace(y=torch.zeros_like(task.y), n_classes=1)
    with torch.no_grad():
        state = algorithm.adapt(module, pad([one]))
        clues = algorithm.clues(module, state, X)[0]
    assert (clues[:, 0] == -torch.inf).all()
    assert clues[:, 1:].isfinite().all()


def test_a_row_of_the_support_is_no_distance_away_and_still_a_number():
    algorithm, module = learner(shared=False)
    task = tasks()[0]
    with torch.no_grad():
        state = algorithm.adapt(module, pad([task]))
        clues = algorithm.clues(module, state, task.X[None])[0]
    assert clues.isfinite().all()
    np.testing.assert_allclose(clues[:, CLUES.index("row")], np.log(1e-4))
