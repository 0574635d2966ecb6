"""The kernel learner against numpy, one task and one process at a time."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp, softmax
from scipy.stats import multivariate_normal

from skmeta.algorithms import GP, Spec
from skmeta.algorithms.gaussian import (
    Deformation,
    Posterior,
    Support,
    adapt_exactly,
    adapt_large,
)
from skmeta.algorithms.gaussian.exact import Inverse, MostLikely
from skmeta.algorithms.shared.graph import graph_rows, laplacian
from skmeta.backbones import MLP
from skmeta.episodes import Batch, Episode
from tests.algorithms import transfer
from tests.batches import CLASSIFIER, PER_TASK, REGRESSOR, make_batch

VALUES = {
    "a prior": Spec(3, 1, "regressor", n_parts=2),
    "a long tail": Spec(3, 1, "regressor", n_parts=2, long_tails=(0,)),
    "no prior": REGRESSOR,
}
CLASSES = {
    "a prior": Spec(3, 4, "classifier", "shared", n_parts=2),
    "no prior": CLASSIFIER,
    "per task": PER_TASK,
}
OF_VALUES = pytest.mark.parametrize("spec", VALUES.values(), ids=VALUES)
OF_CLASSES = pytest.mark.parametrize("spec", CLASSES.values(), ids=CLASSES)
OF_BOTH = pytest.mark.parametrize(
    "spec",
    [VALUES["a prior"], VALUES["a long tail"], CLASSES["a prior"]],
    ids=["values", "a long tail", "classes"],
)


def build(algorithm, spec):
    """Build in float64, with every parameter away from where it starts."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = algorithm.build(MLP((6, 5), activation="tanh"), spec).double()
        for name in ("log_kernel", "log_noise", "parts", "bias"):
            parameter = getattr(module, name)
            if parameter is not None:
                parameter.data += 0.3 * torch.randn_like(parameter)
        if module.row_scale is not None:
            module.row_scale.weight.data += torch.tensor([0.8, -0.4, 0.3])
        return module


def batch_for(spec, sizes, generator):
    batch = make_batch(spec, sizes, generator)
    if not spec.n_parts:
        return batch
    shape = (*batch.mask.shape, spec.n_parts, spec.n_outputs)
    offset = 2 * torch.randn(shape, generator=generator, dtype=torch.float64)
    return batch._replace(offset=offset * batch.mask[..., None, None])


@pytest.fixture
def episode_for(generator):
    def draw(spec, sizes=(7, 1, 10)):
        return Episode(
            batch_for(spec, sizes, generator), batch_for(spec, [3, 4, 2], generator)
        )

    return draw


# The equations, naively -----------------------------------------------------------


def inputs_of(module, batch, t):
    """Real rows of a task: features, then the prior's answers drawn nearer."""
    real = batch.mask[t]
    z = batch.X[t][real]
    if batch.offset is not None:
        near = 6 * torch.tanh(batch.offset[t][real].flatten(1) / 6)
        z = torch.cat([z, near], dim=1)
    return z


def kernel(module, p, a, b):
    """Covariances of all pairs of rows under one process."""
    log = (module.first + module.log_kernel)[p].detach().numpy()
    d, n = module.n_inputs, module.n_features
    seen = slice(0, d if module.around_prior[p] else n)
    slopes = np.exp(log[3 : 3 + d])[seen]
    lengths = np.exp(log[3 + d :])[seen]
    constant, inputs, embedding = np.exp(log[:3])
    K = np.empty((len(a), len(b)))
    with torch.no_grad():
        embedded = [
            (module.project(module.backbone(z)) + module.skip(z)).numpy()
            for z in (a, b)
        ]
    for i, z in enumerate(a.numpy()[:, seen]):
        for j, other in enumerate(b.numpy()[:, seen]):
            K[i, j] = constant + np.sum(slopes * z * other)
            K[i, j] += inputs * np.exp(-0.5 * np.sum(((z - other) / lengths) ** 2))
            if module.on_embedding[p]:
                gap = embedded[0][i] - embedded[1][j]
                K[i, j] += embedding * np.exp(-0.5 * np.sum(gap**2))
    return K


def mean(module, p, batch, t, n_outputs):
    """Prior mean of a task's real rows under one process, (rows, outputs)."""
    m = np.zeros((int(batch.mask[t].sum()), n_outputs))
    if module.bias is not None:
        m = m + module.bias[p].detach().numpy()
    if batch.offset is not None and module.around_prior[p]:
        offset = batch.offset[t][batch.mask[t]].numpy()
        m = m + np.einsum("rpo,p->ro", offset, module.parts[p].detach().numpy())
    return m


def scales(module, p, episode, t):
    """Units of deviations of a task's support and queries, and what queries count."""
    support, query = episode
    real = support.mask[t], query.mask[t]
    if module.row_scale is None:
        return (*(np.ones(int(each.sum())) for each in real), 1.0)
    c, bend, log_kappa = module.row_scale.weight.tolist()
    a, parts = 0.54 + bend, module.parts[p].detach().numpy()
    told, asked = (
        batch.offset[t][own][..., 0].numpy() @ parts
        for batch, own in zip(episode, real, strict=True)
    )
    y = support.y[t][real[0]].numpy()
    beyond = np.sum(y - told) / (len(y) + np.exp(log_kappa))

    def bent(level):
        return np.log1p(np.exp(a + c * level))

    h, h_new = (bent(each + beyond) / bent(3 * np.sign(c)) for each in (told, asked))
    return h, h_new, bent(asked + beyond) / bent(0.0)


def shares(module, evidence):
    return softmax(module.log_odds.numpy() + 0.5 * np.array(evidence))


def naive_values(module, episode, t, temperature=1.0):
    """Return share, mean and variance of every process for the queries of a task.

    A likelihood at a temperature T is its T-th root: of a normal one with noise v, up
    to a factor, that with T v.
    """
    support, query = episode
    a, b = inputs_of(module, support, t), inputs_of(module, query, t)
    y = support.y[t][support.mask[t]].numpy()
    evidence, means, variances = [], [], []
    for p in range(len(module.on_embedding)):
        noise = np.exp(module.log_noise[p].item()) + 1e-4
        C = kernel(module, p, a, a) + temperature * noise * np.eye(len(a))
        k = kernel(module, p, b, a)
        h, h_new, _ = scales(module, p, episode, t)
        C, k = np.outer(h, h) * C, np.outer(h_new, h) * k
        m, m_new = (mean(module, p, batch, t, 1)[:, 0] for batch in episode)
        own = 2 * np.pi * h**2 * noise
        factor = 0.5 * np.sum(np.log(temperature * own) - np.log(own) / temperature)
        evidence.append(multivariate_normal.logpdf(y, m, C) + factor)
        means.append(m_new + k @ np.linalg.solve(C, y - m))
        explained = np.sum(k * np.linalg.solve(C, k.T).T, axis=1)
        own = h_new**2 * (np.diag(kernel(module, p, b, b)) + noise)
        variances.append(own - explained)
    return shares(module, evidence), np.array(means), np.array(variances)


def naive_classes(module, episode, t):
    """Return share and log-probabilities, (processes, rows, classes), of a task."""
    support, query = episode
    n = int(support.n_classes[t])
    a, b = inputs_of(module, support, t), inputs_of(module, query, t)
    Y = np.eye(n)[support.y[t][support.mask[t]].numpy()]
    evidence, log_p = [], []
    for p in range(len(module.on_embedding)):
        K = kernel(module, p, a, a)
        m, m_new = (mean(module, p, batch, t, n) for batch in episode)
        root = np.linalg.cholesky(K + 1e-12 * np.eye(len(K)))

        def unlikely(u, m=m, root=root):
            """Minus the log posterior of latent values ``root @ u``, and its slope."""
            u = u.reshape(Y.shape)
            latent = m + root @ u
            slope = u - root.T @ (Y - softmax(latent, axis=1))
            value = 0.5 * np.sum(u**2) - np.sum(Y * log_softmax(latent, axis=1))
            return value, slope.ravel()

        options = {"gtol": 1e-10, "maxiter": 10_000}
        found = minimize(unlikely, np.zeros(Y.size), jac=True, options=options)
        alpha = Y - softmax(m + root @ found.x.reshape(Y.shape), axis=1)
        volume = 0.5 * np.linalg.slogdet(np.eye(len(K)) + K / 2)[1]
        evidence.append(-unlikely(found.x)[0] - max(n - 1, 1) * volume)
        log_p.append(log_softmax(m_new + kernel(module, p, b, a) @ alpha, axis=1))
    return shares(module, evidence), np.array(log_p)


# Values ---------------------------------------------------------------------------


@OF_VALUES
@pytest.mark.parametrize("temperature", [1.0, 8.0])
def test_values_are_those_of_rasmussen_and_williams(spec, temperature, episode_for):
    """Equations 2.25 and 2.26 for every process, weighed by their evidence.

    Where the tail is long, rows deviate in units of their own. What is learnt has a
    temperature, the noise of a new value has none.
    """
    algorithm = GP(width=4, temperature=temperature)
    module, episode = build(algorithm, spec), episode_for(spec)
    state = algorithm.adapt(module, episode.support)
    answer = algorithm.answer(module, state, episode.query)
    std = algorithm.predict_std(module, state, episode.query.X, episode.query.offset)
    for t, real in enumerate(episode.query.mask):
        share, means, variances = naive_values(module, episode, t, temperature)
        center = share @ means
        spread = share @ (variances + (means - center) ** 2)
        np.testing.assert_allclose(state.log_share[t].exp().detach(), share, rtol=1e-7)
        np.testing.assert_allclose(answer[t, real, 0].detach(), center, rtol=1e-7)
        np.testing.assert_allclose(std[t, real, 0].detach() ** 2, spread, rtol=1e-7)


@OF_VALUES
def test_training_on_values_maximises_the_density_under_every_process(
    spec, episode_for
):
    algorithm = GP(width=4)
    module, episode = build(algorithm, spec), episode_for(spec)
    losses, judged = [], []
    for t, real in enumerate(episode.query.mask):
        share, means, variances = naive_values(module, episode, t)
        y = episode.query.y[t][real].numpy()
        log_p = -0.5 * ((y - means) ** 2 / variances + np.log(variances))
        mixture = logsumexp(np.log(share)[:, None] + log_p, axis=0)
        judged.append(-mixture.mean())
        counts = [scales(module, p, episode, t)[2] for p in range(len(means))]
        losses.append(-np.mean(np.reshape(counts, (len(means), -1)) * log_p))
    loss = algorithm.meta_loss(module, episode).item()
    assert loss == pytest.approx(np.mean(losses), rel=1e-7)
    state = algorithm.adapt(module, episode.support)
    outputs = algorithm.answer(module, state, episode.query)
    loss = algorithm.validation_loss(module, state, outputs, episode.query).item()
    assert loss == pytest.approx(np.mean(judged), rel=1e-7)


# Classes --------------------------------------------------------------------------


@OF_CLASSES
def test_classes_are_answered_by_the_most_likely_latent_values(spec, episode_for):
    algorithm = GP(width=4, n_steps=200)
    module, episode = build(algorithm, spec), episode_for(spec)
    state = algorithm.adapt(module, episode.support)
    answer = algorithm.answer(module, state, episode.query).detach()
    for t, real in enumerate(episode.query.mask):
        share, log_p = naive_classes(module, episode, t)
        np.testing.assert_allclose(state.log_share[t].exp().detach(), share, rtol=1e-5)
        n = log_p.shape[-1]
        np.testing.assert_allclose(
            answer[t, real, :n],
            logsumexp(np.log(share)[:, None, None] + log_p, axis=0),
            rtol=1e-5,
        )
        assert (answer[t, real, n:] == -torch.inf).all()


def test_two_classes_are_answered_by_the_mixture_of_all_processes(generator):
    algorithm, spec = GP(width=4), Spec(3, 2, "classifier", "shared", n_parts=2)
    module = build(algorithm, spec)
    support, query = (batch_for(spec, sizes, generator) for sizes in ([6, 4], [5, 5]))
    support = support._replace(y=support.y % 2, n_classes=torch.tensor([2, 2]))
    query = query._replace(offset=50 * query.offset)
    state = algorithm.adapt(module, support)
    answer = algorithm.answer(module, state, query)
    outputs, _ = algorithm._processes(module, state, query.X, query.offset)
    log_p = state.log_share[..., None, None] + outputs.log_softmax(dim=-1)
    torch.testing.assert_close(answer, log_p.logsumexp(dim=1))


@OF_CLASSES
def test_the_default_number_of_steps_is_near_the_most_likely_values(spec, episode_for):
    few, many = GP(width=4), GP(width=4, n_steps=300)
    module, episode = build(few, spec), episode_for(spec, (7, 1, 40))
    answers = [
        algorithm.answer(
            module, algorithm.adapt(module, episode.support), episode.query
        ).exp()[episode.query.mask]
        for algorithm in (few, many)
    ]
    torch.testing.assert_close(*answers, atol=0.01, rtol=0)


@OF_CLASSES
def test_training_on_classes_maximises_the_probability_under_every_process(
    spec, episode_for
):
    algorithm = GP(width=4, n_steps=200)
    module, episode = build(algorithm, spec), episode_for(spec)
    losses = []
    for t, real in enumerate(episode.query.mask):
        _, log_p = naive_classes(module, episode, t)
        y = episode.query.y[t][real].numpy()
        log_p = log_p[:, np.arange(len(y)), y]
        losses.append(-log_p.mean())
    loss = algorithm.meta_loss(module, episode).item()
    assert loss == pytest.approx(np.mean(losses), rel=1e-5)


def test_the_gradient_of_the_most_likely_values_is_that_of_the_solution(generator):
    """Of rows that count more than once, in a task that lacks a class, too.

    And so is that of the volume.
    """

    def draw(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    A, logits = draw(2, 1, 3, 3), draw(2, 1, 3, 3)
    absent = torch.tensor([[False] * 3, [False, False, True]])[:, None, None]
    Y = torch.eye(3).double()[torch.tensor([[0, 1, 2], [1, 0, 1]])].unsqueeze(1)
    counts = torch.tensor([[1.0, 2.0, 1.0], [1.0, 1.0, 3.0]]).double()
    root = counts.sqrt()[:, None, :, None]
    steps = torch.full((2,), 60)

    def solve(A, logits):
        K = root * (A @ A.mT) * root.mT
        logits = logits.masked_fill(absent, -torch.inf)
        weights, volume = MostLikely.apply(K, logits, Y, root, steps)
        torch.testing.assert_close(volume, 0.5 * (torch.eye(3) + 0.5 * K).logdet())
        return weights, volume

    given = A.requires_grad_(), logits.requires_grad_()
    assert torch.autograd.gradcheck(solve, given, rtol=1e-4, atol=1e-6)


def test_the_gradients_of_the_inverse_are_those_of_differences(generator):
    def draw(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    def solve(root, residual):
        return Inverse.apply(root @ root.mT + torch.eye(3), residual, torch.ones(()))

    given = draw(2, 2, 3, 3).requires_grad_(), draw(2, 2, 3, 1).requires_grad_()
    assert torch.autograd.gradcheck(solve, given)


# The prior ------------------------------------------------------------------------


@OF_BOTH
def test_a_task_without_rows_is_answered_by_the_parts_of_the_prior(spec, generator):
    algorithm = GP(width=4)
    module = build(algorithm, spec)
    support, query = (batch_for(spec, sizes, generator) for sizes in ([0, 0], [3, 3]))
    state = algorithm.adapt(module, support)
    answer = algorithm.answer(module, state, query).detach()
    share = shares(module, np.zeros(3))
    for t in range(2):
        means = np.array([mean(module, p, query, t, spec.n_outputs) for p in range(3)])
        if spec.kind == "classifier":
            log_p = np.log(share)[:, None, None] + log_softmax(means, axis=-1)
            expected = logsumexp(log_p, axis=0)
        else:
            expected = np.einsum("p,pro->ro", share, means)
        np.testing.assert_allclose(answer[t], expected, rtol=1e-10)


def test_one_process_of_three_knows_of_no_prior(episode_for):
    spec = VALUES["a prior"]
    module = build(GP(width=4), spec)
    support, _ = episode_for(spec)
    rows = module.support(support)
    other = module.support(support._replace(offset=support.offset + 1.0))
    mean_moved = (rows.mean != other.mean).flatten(2).any(dim=2).all(dim=0)
    assert mean_moved.tolist() == module.around_prior.tolist() == [True, False, True]
    K, K_moved = (
        module.kernel().between(each.rows, each.rows) for each in (rows, other)
    )
    kernel_moved = (K_moved != K).flatten(2).any(dim=2).all(dim=0)
    assert kernel_moved.tolist() == [True, False, True]
    assert module.on_embedding.tolist() == [False, False, True]


@pytest.mark.parametrize("n_known", [1, 3, 8])
def test_what_a_prior_is_certain_of_and_right_about_stays_certain(n_known):
    """A process that knows of no prior costs the others next to nothing."""
    spec = Spec(3, 2, "classifier", "shared", n_parts=1)
    module, algorithm = GP(width=4).build(MLP((4,)), spec), GP(width=4)
    rng = np.random.default_rng(0)
    X = torch.tensor(rng.normal(size=(1, 40, 3)), dtype=torch.float32)
    y = (X[..., 0] > 0).long()
    sure = 4.6 * (2.0 * y - 1)  # of odds of 10,000 to 1
    batch = Batch(X, y, torch.ones(1, 40, dtype=torch.bool), torch.tensor([2]))
    batch = batch._replace(offset=torch.stack([-sure, sure], dim=-1).unsqueeze(2))
    support, query = (
        Batch(*(each[:, part] for each in batch[:3]), batch.n_classes)._replace(
            offset=batch.offset[:, part]
        )
        for part in (slice(n_known), slice(n_known, None))
    )
    with torch.no_grad():
        log_p = algorithm.answer(module, algorithm.adapt(module, support), query)
    log_p = log_p.log_softmax(dim=-1).gather(-1, query.y.unsqueeze(-1))
    assert -log_p.mean() < 2e-4


def test_the_default_prior_of_wide_tables_is_linear_alone():
    algorithm = GP()
    assert algorithm.default_prior(Spec(200, 1, "regressor")) == ("boosting", "linear")
    assert algorithm.default_prior(Spec(201, 3, "classifier")) == ("linear",)
    assert algorithm.default_prior(PER_TASK) == ()


def test_supports_of_one_to_ten_rows_train_it_where_labels_are_shared():
    assert GP().default_episode(REGRESSOR) == ((1, 10), 30)
    assert GP().default_episode(CLASSIFIER) == ((1, 10), 30)
    assert GP().default_episode(PER_TASK) == (5, 15)


@pytest.mark.parametrize("name", ["width", "n_steps"])
def test_a_parameter_out_of_range_is_named(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1"):
        GP(**{name: 0}).build(MLP((4,)), REGRESSOR)


@pytest.mark.parametrize("temperature", [0.5, "hot", np.inf, (2.0,), None])
def test_a_temperature_is_a_number_from_1_on(temperature):
    with pytest.raises(ValueError, match="temperature must be 'auto' or a number"):
        GP(temperature=temperature).build(MLP((4,)), REGRESSOR)


# Many rows ------------------------------------------------------------------------


def answers(algorithm, module, state, query):
    return algorithm.answer(module, state, query).detach()


def test_a_graph_that_counts_next_to_nothing_changes_nothing(generator):
    """Also where rows deviate in units of their own."""
    spec = VALUES["a long tail"]
    module = build(GP(width=4), spec)
    support, others, query = (
        batch_for(spec, sizes, generator) for sizes in ([4, 6], [7, 3], [5, 5])
    )
    states = [
        algorithm.adapt(module, support._replace(unlabelled=others))
        for algorithm in (GP(unlabelled=(1e-12, 0.0)), GP(unlabelled=(0.0, 0.0)))
    ]
    got, wanted = (answers(GP(), module, state, query) for state in states)
    torch.testing.assert_close(got, wanted, rtol=1e-6, atol=1e-6)


def test_states_of_before_know_of_no_levels(episode_for):
    for spec in (VALUES["a long tail"], CLASSES["a prior"]):
        module, episode = build(GP(width=4), spec), episode_for(spec)
        state = GP(width=4).adapt(module, episode.support)
        before = Posterior.of_items(*state[:5])
        assert before.level.shape == state.level.shape
        assert not before.level.any()


@OF_BOTH
def test_where_all_rows_are_inducing_nothing_is_approximated(spec, generator):
    algorithm = GP(width=4)
    module = build(algorithm, spec)
    support = module.support(batch_for(spec, [256, 256], generator))
    query = batch_for(spec, [5, 5], generator)
    K = module.kernel().between(support.rows, support.rows)
    exact = adapt_exactly(module, support, K, n_steps=5)
    large = adapt_large(module, support, 256)
    torch.testing.assert_close(
        answers(algorithm, module, large, query),
        answers(algorithm, module, exact, query),
        rtol=0,
        atol=1e-3,
    )
    rtol = 5e-5 if spec.kind == "regressor" else 1e-2
    torch.testing.assert_close(large.log_share, exact.log_share, rtol=rtol, atol=1e-2)
    if spec.kind == "regressor":
        std = [
            algorithm.predict_std(module, state, query.X, query.offset)
            for state in (large, exact)
        ]
        torch.testing.assert_close(*std, rtol=1e-3, atol=0)


@OF_BOTH
def test_neither_order_nor_other_tasks_matter_to_a_task_of_many_rows(spec, generator):
    algorithm = GP(width=4)
    module = build(algorithm, spec)
    support = batch_for(spec, [300, 9, 270], generator)
    query = batch_for(spec, [4, 4, 4], generator)
    together = algorithm.adapt(module, support)
    expected = answers(algorithm, module, together, query)
    shuffled = torch.randperm(300, generator=generator)
    moved = type(support)._make(
        leaf if leaf is None or leaf.ndim == 1 else leaf[:, shuffled]
        for leaf in support
    )
    torch.testing.assert_close(
        answers(algorithm, module, algorithm.adapt(module, moved), query), expected
    )
    for t, size in enumerate([300, 9, 270]):
        alone, asked = (
            type(batch)._make(None if leaf is None else leaf[[t]] for leaf in batch)
            for batch in (support, query)
        )
        alone = type(alone)._make(
            leaf if leaf is None or leaf.ndim == 1 else leaf[:, :size] for leaf in alone
        )
        state = algorithm.adapt(module, alone)
        torch.testing.assert_close(
            answers(algorithm, module, state, asked), expected[[t]]
        )


@OF_BOTH
def test_inducing_rows_stand_for_many_more(spec, generator):
    algorithm = GP(width=4)
    module = algorithm.build(MLP((6, 5)), spec).double()
    support = module.support(batch_for(spec, [600], generator))
    query = batch_for(spec, [50], generator)
    K = module.kernel().between(support.rows, support.rows)
    exact = adapt_exactly(module, support, K, n_steps=3)
    few = adapt_large(module, support, 256)
    assert few.rows.shape[1] == 256
    near, true = (answers(algorithm, module, state, query) for state in (few, exact))
    assert (near - true).abs().mean() < 0.1 * true.std()


def test_what_a_task_has_learnt_does_not_grow_beyond_256_rows(generator):
    spec = VALUES["a prior"]
    algorithm = GP(width=4)
    module = build(algorithm, spec)
    state = algorithm.adapt(module, batch_for(spec, [400, 3], generator))
    assert isinstance(state, Posterior)
    assert state.rows.shape[:2] == (2, 256)
    assert state.precision.shape == (2, 3, 256, 256)


# Unlabelled rows --------------------------------------------------------------------


def naive_deformed(K, L, weight):
    """Sindhwani et al.'s equation 6 entry by entry, on the rows of the graph."""
    n = len(K)
    M = weight * L @ L
    inverse = np.linalg.inv(np.eye(n) + M @ K)
    deformed = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            deformed[i, j] = K[i, j] - K[:, i] @ inverse @ M @ K[:, j]
    return deformed


def test_a_deformed_kernel_equals_a_naive_loop(generator):
    rows = torch.randn(1, 8, 3, generator=generator, dtype=torch.float64)
    K = torch.exp(-torch.cdist(rows, rows).square())
    L = laplacian(rows, torch.ones(1, 8, dtype=torch.bool), 3)
    bent = Deformation.of(K.unsqueeze(1), L, torch.tensor([2.5]))
    got = bent.between(K.unsqueeze(1), K.unsqueeze(1), K.unsqueeze(1))
    wanted = naive_deformed(K[0].numpy(), L[0].numpy(), 2.5)
    np.testing.assert_allclose(got[0, 0], wanted, atol=1e-10)


@pytest.mark.parametrize("spec", [REGRESSOR, PER_TASK], ids=["values", "classes"])
def test_a_task_is_learnt_by_the_deformed_kernel(spec, generator):
    """The state's kernel is the old one, and its answers are those of the new one."""
    algorithm = GP(unlabelled=(1.5, 0.0))
    module = build(algorithm, spec)
    support = make_batch(spec, [4, 6, 5], generator)
    others = make_batch(spec, [7, 3, 9], generator)
    X = torch.randn(3, 4, 3, generator=generator, dtype=torch.float64)
    state = algorithm.adapt(module, support._replace(unlabelled=others))
    answers = algorithm.predict(module, state, X)
    for t in range(3):
        known, free = support.X[t][support.mask[t]], others.X[t][others.mask[t]]
        n, n_classes = len(known), 1 if spec is REGRESSOR else int(support.n_classes[t])
        rows = module.rows(torch.cat([known, free, X[t]])[None], None)
        K = module.kernel().between(rows, rows)
        a = slice(0, n + len(free))  # of the graph; the queries come after
        graph = graph_rows(
            Batch(known[None], None, torch.ones(1, n).bool(), None),
            Batch(free[None], None, torch.ones(1, len(free)).bool(), None),
        )
        L = laplacian(graph.rows, graph.mask)[0].numpy()
        bent = []
        for process in K[0].detach().numpy():
            M = 1.5 * L @ L
            inverse = np.linalg.inv(np.eye(len(L)) + M @ process[a, a])
            new = process - process[:, a] @ inverse @ M @ process[a, :]
            if spec.kind == "classifier":
                scale = np.trace(process[:n, :n]) / np.trace(new[:n, :n])
                new = scale * new
            bent.append(new)
        bent = torch.tensor(np.array(bent))[None]
        alone = Support(
            rows[:, :n],
            module.mean(known[None], None, n_classes).mT,
            support.y[t][support.mask[t]][None],
            torch.ones(1, n).double(),
            support.n_classes[t : t + 1],
        )
        posterior = adapt_exactly(module, alone, bent[:, :, :n, :n], 12)
        values = module.mean(X[t : t + 1], None, n_classes).mT
        values = values + bent[:, :, n + len(free) :, :n] @ posterior.weights
        share = posterior.log_share[..., None, None]
        if spec.kind == "classifier":
            wanted = (share + values.log_softmax(-1)).logsumexp(dim=1)
            got = answers[t : t + 1, :, : values.shape[-1]]
            torch.testing.assert_close(got, wanted, rtol=1e-6, atol=1e-6)
            continue
        wanted = (share.exp() * values).sum(dim=1)
        torch.testing.assert_close(answers[t : t + 1], wanted, rtol=1e-6, atol=1e-6)
        variance = bent.diagonal(dim1=-2, dim2=-1)[..., n + len(free) :]
        Kq = bent[:, :, n + len(free) :, :n]
        explained = ((Kq @ posterior.precision) * Kq).sum(-1)
        variance = variance - explained + module.noise().unsqueeze(-1)
        spread = variance.unsqueeze(-1) + (values - wanted.unsqueeze(1)).square()
        std = (share.exp() * spread).sum(dim=1).sqrt()
        got = algorithm.predict_std(module, state, X)[t : t + 1]
        torch.testing.assert_close(got, std, rtol=1e-5, atol=1e-6)


@OF_BOTH
def test_a_large_support_leaves_unlabelled_rows_alone(spec, generator):
    algorithm, n = GP(unlabelled=(1.0, 0.5)), 300
    module = build(algorithm, spec)
    support = batch_for(spec, [n], generator)
    others = batch_for(spec, [9], generator)
    plain = algorithm.adapt(module, support)
    beside = algorithm.adapt(module, support._replace(unlabelled=others))
    for a, b in zip(plain, beside, strict=True):
        assert torch.equal(a, b)


@transfer.SPACES
def test_the_second_loss_tells_training_classes_apart(spec, labelled_episode_for):
    transfer.check_second_loss(GP(width=4), labelled_episode_for(spec), spec)
