"""Episodes with training classes, and the loss of classifying among these."""

import pytest
import torch
from sklearn.base import clone
from torch.nn.functional import cross_entropy

from skmeta.algorithms import GP, Spec
from skmeta.algorithms.simpleshot import SimpleShot
from skmeta.backbones import MLP
from skmeta.episodes import Episode

CLASSIFIER = Spec(3, 4, "classifier", "shared", n_train_classes=4)
PER_TASK = Spec(3, 0, "classifier", "per_task", n_train_classes=6)
SPACES = pytest.mark.parametrize(
    "spec", [CLASSIFIER, PER_TASK], ids=["shared", "per_task"]
)


def build(algorithm, spec):
    """Build in float64; give the mean embedding, which starts at zero, a value."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = algorithm.build(MLP((6, 5), activation="tanh"), spec).double()
        if isinstance(algorithm, SimpleShot):
            module.mean_total.normal_()
            module.mean_weight.fill_(0.8)
    return module.eval()


def labelled(batch, spec):
    """Add training classes: code k of task t is class t + k, or k if it is shared."""
    label = batch.y
    if spec is PER_TASK:  # where each class has a row
        y = torch.arange(batch.y.shape[1]) % batch.n_classes.unsqueeze(1)
        batch = batch._replace(y=y * batch.mask)
        label = batch.y + torch.arange(3).unsqueeze(1)
    return batch._replace(label=torch.where(batch.mask, label, -1))


def real_rows(batch, t):
    rows = [i for i in range(batch.X.shape[1]) if batch.mask[t, i]]
    return batch.X[t, rows], batch.y[t, rows], batch.label[t, rows]


def gradients(loss, module):
    learnt = list(module.parameters())
    return torch.autograd.grad(loss, learnt, materialize_grads=True)


def naive_class_loss(logits_of, episode):
    """Classify each real row of the meta-batch among all training classes."""
    losses = [
        cross_entropy(logits_of(row).unsqueeze(0), label.unsqueeze(0))
        for batch in episode
        for t in range(3)
        for row, _, label in zip(*real_rows(batch, t), strict=True)
    ]
    assert len(losses) == 9 + 12 + 7 + 6 + 3 + 8
    return torch.stack(losses).mean()


def check_second_loss(algorithm, episode, spec):
    """See that ``class_loss`` adds the loss of telling all training classes apart."""
    alone, both = (clone(algorithm).set_params(class_loss=w) for w in (0, 0.7))
    module = build(both, spec)
    losses = []
    for learner, learnt in [(alone, build(alone, spec)), (both, module)]:
        torch.manual_seed(0)  # of other splits
        losses.append(learner.meta_loss(learnt, episode))

    def logits_of(row):
        if isinstance(algorithm, GP):  # which tells classes apart by what it compares
            return module.class_loss.classifier(module.embed(row[None, None], None))[
                0, 0
            ]
        return module.class_loss.classifier(module.backbone(row))

    added = 0.7 * naive_class_loss(logits_of, episode)
    torch.testing.assert_close(losses[1], losses[0] + added)
    # Without training classes, as in partial_fit, episodes are all there is.
    bare = Episode(*(batch._replace(label=None) for batch in episode))
    torch.manual_seed(0)
    torch.testing.assert_close(both.meta_loss(module, bare), losses[0])
