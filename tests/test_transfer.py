"""The transfer baselines against their equations, row by row and step by step."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestCentroid
from torch.nn.functional import cosine_similarity, cross_entropy, normalize, softplus

from skmeta import MetaClassifier
from skmeta.algorithms import Spec
from skmeta.algorithms.baseline_plus_plus import BaselinePlusPlus
from skmeta.algorithms.shared.training_classes import class_loss
from skmeta.algorithms.simpleshot import SimpleShot
from skmeta.augmentations import Rotations
from skmeta.backbones import MLP, Identity
from skmeta.episodes import Batch, Episode
from skmeta.testing import parametrize_with_algorithm_checks

from .batches import make_batch

CLASSIFIER = Spec(3, 4, "classifier", "shared", n_train_classes=4)
PER_TASK = Spec(3, 0, "classifier", "per_task", n_train_classes=6)
SPACES = pytest.mark.parametrize(
    "spec", [CLASSIFIER, PER_TASK], ids=["shared", "per_task"]
)
TRANSFORMS = pytest.mark.parametrize("feature_transform", ["CL2N", "L2N", None])
BOTH = pytest.mark.parametrize(
    "algorithm", [SimpleShot(), BaselinePlusPlus()], ids=["SimpleShot", "Baseline++"]
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


@pytest.fixture
def episode_for():
    generator = torch.Generator().manual_seed(1)

    def draw(spec):
        return Episode(
            labelled(make_batch(spec, [9, 12, 7], generator), spec),
            labelled(make_batch(spec, [6, 3, 8], generator), spec),
        )

    return draw


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


def test_class_loss_counts_rows_and_leaves_out_those_of_no_class():
    logits = torch.tensor([[[0.0, 1.0], [2.0, 0.0]], [[5.0, 1.0], [0.0, 0.0]]])
    label = torch.tensor([[1, 0], [-1, 0]])
    expected = -(
        logits[0, 0].log_softmax(0)[1]
        + logits[0, 1].log_softmax(0)[0]
        + logits[1, 1].log_softmax(0)[0]
    )
    torch.testing.assert_close(class_loss(logits, label), expected / 3)
    assert class_loss(logits, torch.full_like(label, -1)) == 0


# SimpleShot ---------------------------------------------------------------------------


def transform(z, module, feature_transform):
    if feature_transform == "CL2N":
        z = z - module.mean_total / module.mean_weight
    return z if feature_transform is None else z / z.norm()


def naive_query_loss(module, episode, spec, feature_transform):
    """Nearest centroid, with the priors of a shared label space."""
    losses = []
    for t in range(3):
        X, y, _ = real_rows(episode.support, t)
        with torch.no_grad():
            Z = [transform(module.backbone(x), module, feature_transform) for x in X]
        centroids, log_odds = [], []
        for k in range(int(episode.support.n_classes[t])):
            own = [z for z, label in zip(Z, y, strict=True) if label == k]
            total = sum(own, torch.zeros(5, dtype=torch.float64))
            count, odds = len(own), torch.ones((), dtype=torch.float64)
            if spec is CLASSIFIER:
                strength = softplus(module.raw_strength[k, 0])
                total = total + strength * module.prior[k]
                count = count + strength
                odds = softplus(module.raw_count[k]) + len(own)
            centroids.append(total / count)
            log_odds.append(odds.log())
        of_task = []
        for x, label in zip(*real_rows(episode.query, t)[:2], strict=True):
            with torch.no_grad():
                z = transform(module.backbone(x), module, feature_transform)
            logits = [
                odds - module.log_scale.exp() * (z - c).square().sum()
                for c, odds in zip(centroids, log_odds, strict=True)
            ]
            of_task.append(-torch.stack(logits).log_softmax(dim=0)[label])
        losses.append(torch.stack(of_task).mean())
    return torch.stack(losses).mean()


@SPACES
@TRANSFORMS
def test_simpleshot_loss_and_gradient_equal_a_naive_computation(
    spec, feature_transform, episode_for
):
    """The backbone learns from the classifier alone, the scale from the queries."""
    algorithm = SimpleShot(feature_transform)
    module, episode = build(algorithm, spec), episode_for(spec)
    naive = naive_class_loss(
        lambda x: module.classifier(module.backbone(x)), episode
    ) + naive_query_loss(module, episode, spec, feature_transform)
    loss = algorithm.meta_loss(module, episode)
    torch.testing.assert_close(loss, naive, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(
        gradients(loss, module), gradients(naive, module), rtol=1e-9, atol=1e-12
    )


def test_simpleshot_predicts_the_nearest_centroid_of_centred_directions(episode_for):
    algorithm = SimpleShot()
    module, (support, query) = build(algorithm, PER_TASK), episode_for(PER_TASK)

    def embed(X):
        Z = module.backbone(X).detach() - module.mean_total / module.mean_weight
        return normalize(Z, dim=-1).numpy()

    outputs = algorithm.predict(module, algorithm.adapt(module, support), query.X)
    for t in range(3):
        X, y, _ = real_rows(support, t)
        nearest = NearestCentroid().fit(embed(X), y.numpy())
        expected = nearest.predict(embed(query.X[t]))
        np.testing.assert_array_equal(outputs[t].argmax(dim=-1), expected)


def test_the_mean_embedding_is_a_running_mean_of_real_rows(episode_for):
    algorithm = SimpleShot()
    module = algorithm.build(MLP((6, 5)), PER_TASK).double().train()
    episodes = [episode_for(PER_TASK) for _ in range(3)]
    means = []
    for episode in episodes:
        algorithm.meta_loss(module, episode)
        X = torch.cat([real_rows(b, t)[0] for b in episode for t in range(3)])
        means.append(module.backbone(X).mean(dim=0))
    weight = torch.tensor([0.9**2, 0.9, 1.0], dtype=torch.float64)
    expected = (weight.unsqueeze(1) * torch.stack(means)).sum(dim=0) / weight.sum()
    mean = module.mean_total / module.mean_weight
    torch.testing.assert_close(mean, expected.detach(), rtol=1e-6, atol=1e-7)
    module.eval()
    algorithm.meta_loss(module, episodes[0])
    assert torch.equal(mean, module.mean_total / module.mean_weight)


@TRANSFORMS
def test_the_embedding_is_what_is_compared(feature_transform, episode_for):
    algorithm = SimpleShot(feature_transform)
    module, episode = build(algorithm, PER_TASK), episode_for(PER_TASK)
    support = episode.support
    state = algorithm.adapt(module, support)
    members = support.mask[1] & (support.y[1] == 2)
    embedded = algorithm.embed(module, state, support.X)[1][members]
    torch.testing.assert_close(state.prototypes[1, 2], embedded.mean(dim=0))
    if feature_transform is not None:
        one = torch.ones(len(embedded), dtype=torch.float64)
        torch.testing.assert_close(embedded.norm(dim=-1), one)


def test_an_unknown_transform_is_refused():
    with pytest.raises(ValueError, match="'CL2N', 'L2N' or None, not 'ZN'"):
        SimpleShot("ZN").build(MLP(), PER_TASK)


# Baseline++ ---------------------------------------------------------------------------


@SPACES
def test_baseline_loss_and_gradient_equal_a_naive_computation(spec, episode_for):
    algorithm = BaselinePlusPlus()
    module, episode = build(algorithm, spec), episode_for(spec)

    def logits_of(x):
        z = module.backbone(x)
        cosines = [cosine_similarity(z, w, dim=0) for w in module.vectors]
        return module.log_scale.exp() * torch.stack(cosines)

    naive = naive_class_loss(logits_of, episode)
    loss = algorithm.meta_loss(module, episode)
    torch.testing.assert_close(loss, naive, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(
        gradients(loss, module), gradients(naive, module), rtol=1e-9, atol=1e-12
    )


def unit(Z):
    return Z / Z.norm(dim=-1, keepdim=True)


@SPACES
@pytest.mark.parametrize("inner_steps", [0, 1, 7])
def test_fine_tuning_is_gradient_descent_on_the_vectors(spec, inner_steps, episode_for):
    algorithm = BaselinePlusPlus(inner_lr=0.3, inner_steps=inner_steps)
    module, (support, query) = build(algorithm, spec), episode_for(spec)
    outputs = algorithm.predict(module, algorithm.adapt(module, support), query.X)
    scale = module.log_scale.exp().detach()
    for t in range(3):
        X, y, _ = real_rows(support, t)
        n_classes = int(support.n_classes[t])
        Z = module.backbone(X).detach()
        if spec is CLASSIFIER:
            w = module.vectors.detach().clone()
        else:
            w = torch.stack([unit(Z)[y == k].mean(dim=0) for k in range(n_classes)])

        def logits(Z, w):
            return scale * unit(Z) @ unit(w).T

        w.requires_grad_()
        descent = torch.optim.SGD([w], lr=0.3)
        for _ in range(inner_steps):
            descent.zero_grad()
            cross_entropy(logits(Z, w), y).backward()
            descent.step()
        expected = logits(module.backbone(query.X[t]), w).log_softmax(dim=-1)
        torch.testing.assert_close(
            outputs[t, :, :n_classes], expected, rtol=1e-9, atol=1e-9
        )


def test_without_rows_the_vectors_of_training_answer(episode_for):
    algorithm = BaselinePlusPlus()
    module, support = build(algorithm, CLASSIFIER), episode_for(CLASSIFIER).support
    support = support._replace(mask=torch.zeros_like(support.mask))
    vectors = algorithm.adapt(module, support).vectors
    assert torch.equal(vectors, module.vectors.expand_as(vectors))


def test_a_class_whose_rows_embed_to_zero_gives_finite_answers():
    """As where all units of a ReLU network are off."""
    algorithm = BaselinePlusPlus()
    module = algorithm.build(Identity(), Spec(2, 0, "classifier", "per_task"))
    X = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    support = Batch(
        X, torch.tensor([[0, 1, 1]]), torch.ones(1, 3).bool(), torch.tensor([2])
    )
    outputs = algorithm.predict(module, algorithm.adapt(module, support), X)
    assert outputs.isfinite().all()


@pytest.mark.parametrize(
    "wrong", [{"inner_lr": 0.0}, {"inner_steps": -1}, {"inner_steps": 1.5}], ids=str
)
def test_a_wrong_hyperparameter_is_named(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"{name} must be .* not {value!r}"):
        BaselinePlusPlus(**wrong).build(MLP(), PER_TASK)


# Both ---------------------------------------------------------------------------------


@BOTH
def test_training_asks_for_the_training_classes(algorithm, episode_for):
    module, (support, query) = build(algorithm, PER_TASK), episode_for(PER_TASK)
    for missing in [
        Episode(support._replace(label=None), query),
        Episode(support, query._replace(label=None)),
    ]:
        with pytest.raises(ValueError, match="training class of every row"):
            algorithm.meta_loss(module, missing)


@BOTH
def test_more_training_classes_than_the_module_has_are_refused(algorithm, episode_for):
    module, episode = build(algorithm, PER_TASK), episode_for(PER_TASK)
    support = episode.support
    wider = support._replace(label=torch.where(support.mask, support.label + 2, -1))
    with pytest.raises(ValueError, match=r"holds 6,.* built for 6 training classes"):
        algorithm.meta_loss(module, Episode(wider, episode.query))


@BOTH
def test_labels_are_the_training_classes_of_a_shared_label_space(
    algorithm, episode_for
):
    """A spec that does not tell the number builds the same module."""
    plain, episode = Spec(3, 4, "classifier", "shared"), episode_for(CLASSIFIER)
    losses = [
        algorithm.meta_loss(build(algorithm, spec), episode)
        for spec in (plain, CLASSIFIER)
    ]
    assert torch.equal(*losses)


@BOTH
def test_has_a_prior_in_shared_label_spaces_only(algorithm):
    assert algorithm.has_prior(CLASSIFIER)
    assert not algorithm.has_prior(PER_TASK)


@BOTH
def test_fit_goes_from_the_training_classes_to_new_ones(algorithm, digits):
    """Through the estimator, with an augmentation that makes more classes of them."""
    X, y = digits
    meta = MetaClassifier(
        algorithm, tasks="classes", augment=Rotations((8, 8)), max_epochs=1
    ).fit(X[y < 6], y[y < 6])
    assert meta.module_.n_train_classes == 24
    meta.adapt(X[y >= 6][:40], y[y >= 6][:40])
    assert set(meta.predict(X[y >= 6])) == {6, 7, 8, 9}


@parametrize_with_algorithm_checks(
    [
        SimpleShot(),
        SimpleShot("L2N"),
        SimpleShot(None),
        BaselinePlusPlus(),
        BaselinePlusPlus(inner_lr=1.0, inner_steps=5),
    ]
)
def test_algorithm_keeps_the_law(algorithm, check):
    check(algorithm)


@pytest.mark.slow
@BOTH
def test_learns_to_tell_digits_never_seen(algorithm, digits):
    """Six digits, turned by quarters, then the other four from five rows each."""
    X, y = digits
    meta = MetaClassifier(
        algorithm,
        "linear",
        tasks="classes",
        augment=Rotations((8, 8)),
        max_epochs=10,
        random_state=0,
    ).fit(X[y < 6], y[y < 6])
    tasks = np.arange(np.count_nonzero(y >= 6)) // 72  # ten tasks of all four digits
    assert meta.score(X[y >= 6], y[y >= 6], groups=tasks) > 0.8
