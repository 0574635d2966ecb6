"""Losses against their equations pair by pair, and miners against the library's."""

import numpy as np
import pytest
import torch
from pytorch_metric_learning import losses, miners
from pytorch_metric_learning.distances import LpDistance
from skmeta_metric import ArcFace, MultiSimilarity, NTXent, Triplet
from skmeta_metric.pairs import hardest, informative, make_pairs

from skmeta.algorithms import Spec, task_losses
from skmeta.backbones import Identity
from skmeta.episodes import Batch, Episode

SPEC = Spec(3, 0, "classifier", "per_task", n_train_classes=4)
SIZES = {"support": [6, 4, 1], "query": [5, 7, 2]}  # of three tasks


def make_batch(sizes, seed):
    generator = torch.Generator().manual_seed(seed)
    mask = torch.arange(max(sizes)) < torch.tensor(sizes).unsqueeze(1)
    X = torch.randn(*mask.shape, 3, generator=generator, dtype=torch.float64)
    y = torch.arange(max(sizes)).expand(mask.shape) % torch.tensor([[3], [2], [1]])
    label = (y + torch.arange(3).unsqueeze(1)) % 4
    return Batch(
        X * mask.unsqueeze(2),
        y * mask,
        mask,
        torch.tensor([3, 2, 1]),
        torch.where(mask, label, -1),
    )


EPISODE = Episode(make_batch(SIZES["support"], 0), make_batch(SIZES["query"], 1))


def meta_loss(algorithm):
    """Return the loss of the episode, without what the scale learns from."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = algorithm.build(Identity(), SPEC).double()
    support, query = EPISODE
    log_p = algorithm.predict(module, algorithm.adapt(module, support), query.X)
    on_the_side = task_losses(log_p, query).mean()
    return (algorithm.meta_loss(module, EPISODE) - on_the_side).item(), module


def naive_tasks():
    """Yield anchors, classes and support size of each task, support rows first."""
    for task in range(3):
        rows = [batch.X[task][batch.mask[task]] for batch in EPISODE]
        y = [batch.y[task][batch.mask[task]] for batch in EPISODE]
        yield torch.cat(rows).numpy(), torch.cat(y).numpy(), len(rows[0])


def naive_pairs(distance):
    """Yield, for each task and anchor, the distances to its fellows and strangers."""
    for Z, y, n_support in naive_tasks():
        yield [
            (
                [
                    distance(Z[a], Z[b])
                    for b in range(n_support)
                    if b != a and y[a] == y[b]
                ],
                [distance(Z[a], Z[b]) for b in range(n_support) if y[a] != y[b]],
            )
            for a in range(len(Z))
        ]


def unit(z):
    return z / np.linalg.norm(z)


def chord(a, b):
    return np.linalg.norm(unit(a) - unit(b))


def cosine(a, b):
    return 1 - unit(a) @ unit(b)


def mean(values):
    return np.mean(values) if len(values) else 0.0


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("miner", [None, "hard", "semihard", "batch_hard"])
def test_triplet_loss_triplet_by_triplet(miner, smooth):
    margin, expected = 0.6, []
    for anchors in naive_pairs(chord):
        costs = []
        for every_pair in anchors:
            fellows, strangers = every_pair
            if miner == "batch_hard":
                fellows, strangers = naive_miner(miner, *every_pair, 0)
            for p in fellows:
                for n in strangers:
                    if miner == "hard" and n > p:
                        continue
                    if miner == "semihard" and not p < n <= p + margin:
                        continue
                    excess = p - n + margin
                    costs.append(np.log1p(np.exp(excess)) if smooth else excess)
        expected.append(mean([cost for cost in costs if cost > 0]))
    assert expected[0] > 0
    assert expected[1] > 0
    loss, _ = meta_loss(Triplet(margin=margin, miner=miner, smooth=smooth))
    assert loss == pytest.approx(np.mean(expected), rel=1e-9)


def naive_miner(miner, fellows, strangers, epsilon):
    """Return fellows and strangers that a miner keeps."""
    if miner == "batch_hard":
        both = fellows and strangers
        return ([max(fellows)], [min(strangers)]) if both else ([], [])
    if miner == "multi_similarity":
        return (
            [p for p in fellows if strangers and p + epsilon > min(strangers)],
            [n for n in strangers if fellows and n - epsilon < max(fellows)],
        )
    return fellows, strangers


MINERS = pytest.mark.parametrize("miner", [None, "multi_similarity", "batch_hard"])


@MINERS
@pytest.mark.parametrize(("name", "distance"), [("cosine", cosine), ("lp", chord)])
def test_ntxent_pair_by_pair(miner, name, distance):
    tau, epsilon, expected = 0.3, 0.2, []
    for anchors in naive_pairs(distance):
        costs = []
        for every_pair in anchors:
            fellows, strangers = naive_miner(miner, *every_pair, epsilon)
            for p in fellows:
                others = sum(np.exp(-n / tau) for n in strangers)
                costs.append(-np.log(np.exp(-p / tau) / (np.exp(-p / tau) + others)))
        expected.append(mean(costs))
    assert expected[0] > 0
    assert expected[1] > 0
    loss, _ = meta_loss(NTXent(name, tau, miner, epsilon))
    assert loss == pytest.approx(np.mean(expected), rel=1e-9)


@MINERS
@pytest.mark.parametrize(("name", "distance"), [("cosine", cosine), ("lp", chord)])
def test_multi_similarity_row_by_row(miner, name, distance):
    alpha, beta, base, epsilon, expected = 3.0, 9.0, 0.4, 0.2, []
    for anchors in naive_pairs(distance):
        costs = []
        for every_pair in anchors:
            fellows, strangers = naive_miner(miner, *every_pair, epsilon)
            of_class = sum(np.exp(alpha * (p - base)) for p in fellows)
            of_others = sum(np.exp(beta * (base - n)) for n in strangers)
            costs.append(np.log1p(of_class) / alpha + np.log1p(of_others) / beta)
        expected.append(mean(costs))
    assert expected[0] > 0
    loss, _ = meta_loss(MultiSimilarity(name, alpha, beta, base, miner, epsilon))
    assert loss == pytest.approx(np.mean(expected), rel=1e-9)


def test_arcface_row_by_row():
    scale, margin = 7.0, 20.0
    loss, module = meta_loss(ArcFace(margin, scale))
    vectors, costs = module.loss.W.detach().numpy().T, []
    for batch in EPISODE:
        for z, label in zip(batch.X[batch.mask], batch.label[batch.mask], strict=True):
            angles = [np.arccos(unit(z.numpy()) @ unit(vector)) for vector in vectors]
            assert angles[label] < np.pi - np.radians(margin)
            angles[label] += np.radians(margin)
            logits = scale * np.cos(angles)
            costs.append(np.log(np.exp(logits).sum()) - logits[label])
    assert loss == pytest.approx(np.mean(costs), rel=1e-9)


@pytest.mark.parametrize(
    ("algorithm", "theirs"),
    [
        (
            Triplet("lp", margin=0.6),
            losses.TripletMarginLoss(margin=0.6),
        ),
        (NTXent("cosine", 0.3), losses.NTXentLoss(temperature=0.3)),
        (NTXent("lp", 0.3), losses.NTXentLoss(temperature=0.3, distance=LpDistance())),
        (
            MultiSimilarity("cosine", 3.0, 9.0, base=0.3, miner=None),
            losses.MultiSimilarityLoss(alpha=3.0, beta=9.0, base=0.7),
        ),
    ],
    ids=lambda each: " ".join(repr(each).split())[:40],
)
def test_loss_of_a_batch_is_the_mean_of_the_librarys_for_its_tasks(algorithm, theirs):
    expected = []
    for Z, y, n_support in naive_tasks():
        pairs = [
            (a, b, y[a] == y[b])
            for a in range(len(Z))
            for b in range(n_support)
            if a != b
        ]
        indices = [
            torch.tensor([pair[side] for pair in pairs if pair[2] == same]).long()
            for same in (True, False)
            for side in (0, 1)
        ]
        rows = torch.from_numpy(Z)
        expected.append(float(theirs(rows, indices_tuple=tuple(indices))))
    loss, _ = meta_loss(algorithm)
    assert loss == pytest.approx(np.mean(expected), rel=1e-9)


def whole_task(task):
    """Return distances among all rows of a task, and its rows as a batch of one."""
    Z, y, _ = list(naive_tasks())[task]
    Z, y = torch.from_numpy(Z), torch.from_numpy(y)
    batch = Batch(Z[None], y[None], torch.ones(1, len(y)).bool(), torch.tensor([3]))
    return LpDistance()(Z).unsqueeze(0), batch, Z, y


def as_set(*indices):
    return set(zip(*(index.tolist() for index in indices), strict=True))


@pytest.mark.parametrize("task", [0, 1, 2])
def test_batch_hard_is_the_librarys(task):
    d, batch, Z, y = whole_task(task)
    a, p, n = miners.BatchHardMiner()(Z, y)
    _, positive, negative = hardest(make_pairs(d, batch))
    assert as_set(*torch.where(positive[0])) == as_set(a, p)
    assert as_set(*torch.where(negative[0])) == as_set(a, n)


@pytest.mark.parametrize("task", [0, 1, 2])
@pytest.mark.parametrize("epsilon", [0.05, 0.5])
def test_multi_similarity_miner_is_the_librarys(task, epsilon):
    d, batch, Z, y = whole_task(task)
    miner = miners.MultiSimilarityMiner(epsilon, distance=LpDistance())
    a1, p, a2, n = miner(Z, y)
    _, positive, negative = informative(make_pairs(d, batch), epsilon)
    assert as_set(*torch.where(positive[0])) == as_set(a1, p)
    assert as_set(*torch.where(negative[0])) == as_set(a2, n)


@pytest.mark.parametrize("task", [0, 1, 2])
@pytest.mark.parametrize("kind", ["hard", "semihard"])
def test_triplet_miners_are_the_librarys(task, kind):
    d, batch, Z, y = whole_task(task)
    theirs = miners.TripletMarginMiner(margin=0.6, type_of_triplets=kind)(Z, y)
    _, *ours = Triplet(margin=0.6, miner=kind)._triplets(d, batch)
    assert as_set(*ours) == as_set(*theirs)


@pytest.mark.parametrize(
    "algorithm",
    [Triplet(margin=0.6), NTXent(), MultiSimilarity()],
    ids=lambda each: type(each).__name__,
)
def test_where_another_task_lies_does_not_matter(algorithm):
    """Else rows of two tasks were a pair."""
    _, module = meta_loss(algorithm)
    before = torch.stack(
        [algorithm.meta_loss(module, only(EPISODE, task)) for task in range(3)]
    )
    together = algorithm.meta_loss(module, EPISODE)
    torch.testing.assert_close(before.mean(), together)


def only(episode, task):
    def cut(batch):
        own = (None if part is None else part[task : task + 1] for part in batch)
        return Batch(*own)

    return Episode(*map(cut, episode))
