"""Meta-steps as graphs: the same gradients, or none and a warning."""

import copy
import warnings
from functools import partial

import numpy as np
import pytest
import torch

from skmeta import MetaClassifier, MetaRegressor
from skmeta.algorithms import (
    CNP,
    GP,
    MAML,
    R2D2,
    Algorithm,
    BaselinePlusPlus,
    MAMLPlusPlus,
    ProtoNet,
    Reptile,
    Spec,
)
from skmeta.backbones import MLP, Conv4
from skmeta.datasets import make_sinusoids
from skmeta.engine import captured, net
from skmeta.engine.captured import CapturedStep
from skmeta.episodes import Batch, Episode
from skmeta.utils.asking import happens
from tests.recording import AsOnACard, Recorder

VALUES = Spec(4, 1, "regressor")
SHARED = Spec(4, 3, "classifier", n_train_classes=3)
OWN = Spec(4, 0, "classifier", "per_task", n_train_classes=3)


def draw(seed, spec=VALUES, shot=6, n_query=9, n_tasks=5, way=3):
    generator = torch.Generator().manual_seed(seed)
    is_values = spec.kind == "regressor"
    n_classes = torch.full((n_tasks,), 0 if is_values else way)

    def rows(n):
        X = torch.randn(n_tasks, n, spec.n_features, generator=generator)
        y = (torch.arange(n) % way).expand(n_tasks, n).clone()
        label, offset = (None, None) if is_values else (y.clone(), None)
        if is_values:
            y = torch.randn(n_tasks, n, generator=generator)
        if spec.n_parts:
            shape = n_tasks, n, spec.n_parts, spec.n_outputs
            offset = torch.randn(shape, generator=generator)
        mask = torch.ones(n_tasks, n, dtype=torch.bool)
        return Batch(X, y, mask, n_classes, label=label, offset=offset)

    return Episode(rows(shot), rows(n_query))


def learner(algorithm, spec=VALUES, backbone=None):
    torch.manual_seed(0)
    return algorithm.build(backbone or MLP((8,)), spec).train()


def gradients_of(step, module, episode):
    """Return the loss and the gradients of a step that begins with none."""
    module.zero_grad()
    loss = torch.as_tensor(step(module, episode))
    return loss.clone(), [copy.deepcopy(weight.grad) for weight in module.parameters()]


def train(step, module, episodes):
    """Take steps whose gradients add up, and return these."""
    module.zero_grad()
    for episode in episodes:
        step(module, episode)
    return [weight.grad.clone() for weight in module.parameters()]


def assert_same(found, expected, **tolerance):
    torch.testing.assert_close(found[0], expected[0], **tolerance)
    for own, other in zip(found[1], expected[1], strict=True):
        assert (own is None) == (other is None)
        if own is not None:
            torch.testing.assert_close(own, other, **tolerance)


CASES = {
    "maml": (MAML(0.1, 2), VALUES),
    "maml, rates of steps": (MAML(0.1, 2, learn_inner_lr="step"), SHARED),
    "maml, own classes": (MAML(0.1, 3), OWN),
    "maml, first order": (MAML(0.1, 2, first_order=True), SHARED),
    "protonet": (ProtoNet(), OWN),
    "r2d2": (R2D2(), OWN),
    "gp, values": (GP(), Spec(4, 1, "regressor", n_parts=2)),
    "gp, classes": (GP(), Spec(4, 3, "classifier", n_parts=2)),
    "gp, own classes": (GP(), OWN),
    "cnp": (CNP(), VALUES),
    "reptile": (Reptile(inner_steps=2), VALUES),
}


@pytest.mark.parametrize("name", CASES)
def test_a_graph_gives_the_gradients_of_the_step(name):
    algorithm, spec = CASES[name]
    # 20 rows of classes: tasks go steps that others may not.
    module, shot = learner(algorithm, spec), 20 if spec.kind == "classifier" else 6
    recorder = Recorder()
    step = CapturedStep(algorithm, "cpu", recorder)
    with AsOnACard():
        for seed in range(5):
            episode = draw(seed, spec, shot)
            expected = gradients_of(algorithm.meta_backward, module, episode)
            found = gradients_of(step, module, episode)
            assert_same(found, expected, rtol=1e-4, atol=1e-5)
    assert (recorder.n_recorded, recorder.n_replayed) == (1, 3)


@pytest.fixture
def made():
    algorithm, recorder = MAML(0.1, 2), Recorder()
    step = CapturedStep(algorithm, "cpu", recorder)
    return algorithm, learner(algorithm), step, recorder


def test_gradients_of_several_steps_add_up(made):
    algorithm, module, step, _ = made
    episodes = list(map(draw, range(5)))
    found = train(step, module, episodes)
    expected = train(algorithm.meta_backward, module, episodes)
    torch.testing.assert_close(found, expected)


def test_no_step_changes_what_another_has_returned(made):
    algorithm, module, step, _ = made
    returned = []
    for seed in range(6):
        module.zero_grad()
        loss = step(module, draw(seed))
        gradients = [weight.grad for weight in module.parameters()]
        returned.append((loss, gradients))
        for gradient in gradients:
            gradient.mul_(2.0)  # as clipping does
    for seed, (loss, gradients) in enumerate(returned):
        expected = gradients_of(algorithm.meta_backward, module, draw(seed))
        assert_same((loss, [each / 2 for each in gradients]), expected)


def test_an_optimizer_learns_the_same(made):
    algorithm, module, step, recorder = made
    other = copy.deepcopy(module)
    for own, take in [(module, step), (other, algorithm.meta_backward)]:
        optimizer = torch.optim.Adam(own.parameters(), lr=0.05, fused=True)
        for seed in range(8):
            optimizer.zero_grad()
            take(own, draw(seed))
            optimizer.step()
    assert recorder.n_replayed == 6
    for own, weight in zip(module.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(own, weight)


def test_a_size_and_a_kind_of_its_own_have_a_graph_of_their_own(made):
    algorithm, module, step, recorder = made
    support, query = draw(0)
    some = torch.rand(5, 9) + 0.5
    for episode in (
        draw(0),
        draw(0, shot=3),
        draw(0, n_tasks=2),
        Episode(support, query._replace(weight=some)),
        Episode(support, query._replace(label=some)),  # which nobody looks at
    ):
        for _ in range(4):
            expected = gradients_of(algorithm.meta_backward, module, episode)
            assert_same(gradients_of(step, module, episode), expected)
    assert recorder.n_recorded == 5


def freeze(algorithm, module):
    next(module.parameters()).requires_grad_(False)


def move(algorithm, module):
    for weight in module.parameters():
        weight.data = 2 * weight.data


def take_longer_steps(algorithm, module):
    module.rates = [2 * rate for rate in module.rates]


def take_more_steps(algorithm, module):
    algorithm.inner_steps = 3


def evaluate(algorithm, module):
    module.eval()


@pytest.mark.parametrize(
    "change", [freeze, move, take_longer_steps, take_more_steps, evaluate]
)
def test_a_graph_is_not_replayed_where_the_step_is_another(change):
    algorithm, recorder = MAML(0.1, 2, learn_inner_lr=False), Recorder()
    module, step = learner(algorithm), CapturedStep(algorithm, "cpu", recorder)
    for seed in range(8):
        if seed == 4:
            assert recorder.n_recorded == 1
            change(algorithm, module)
        expected = gradients_of(algorithm.meta_backward, module, draw(seed))
        assert_same(gradients_of(step, module, draw(seed)), expected)
    assert recorder.n_recorded == 2


def test_each_replay_draws_numbers_of_its_own():
    algorithm, recorder = CNP(), Recorder()
    module = learner(algorithm, backbone=MLP((8,), dropout=0.5))
    step = CapturedStep(algorithm, "cpu", recorder)
    losses = []
    for seed in range(6):
        torch.manual_seed(seed)
        expected = gradients_of(algorithm.meta_backward, module, draw(0))
        torch.manual_seed(seed)
        found = gradients_of(step, module, draw(0))
        assert_same(found, expected)
        losses.append(float(found[0]))
    assert recorder.n_replayed == 4
    assert len(set(losses)) == 6


def test_tasks_of_more_classes_have_a_graph_of_their_own():
    algorithm, recorder = ProtoNet(), Recorder()
    module, step = learner(algorithm, OWN), CapturedStep(algorithm, "cpu", recorder)
    with AsOnACard():
        for seed, way in enumerate([2, 2, 2, 3, 3, 3, 2, 3]):
            episode = draw(seed, OWN, way=way)
            expected = gradients_of(algorithm.meta_backward, module, episode)
            assert_same(gradients_of(step, module, episode), expected)
    assert (recorder.n_recorded, recorder.n_replayed) == (2, 4)


# What cannot be captured ---------------------------------------------------------


class Plain(Algorithm):
    """The mean of the support, through a network; a class below changes the loss."""

    kinds = ("regressor",)

    def build(self, backbone, spec):
        module = torch.nn.ModuleDict({"backbone": backbone.build(spec.n_features)})
        module["out"] = torch.nn.Linear(8, 1)
        return module

    def adapt(self, module, support):
        return support.y.mean(dim=1)

    def predict(self, module, state, X):
        return module["out"](module["backbone"](X)) + state[:, None, None]

    def meta_loss(self, module, episode):
        return self.factor(module, episode) * super().meta_loss(module, episode)

    def factor(self, module, episode):
        return 1.0


class Branches(Plain):
    def factor(self, module, episode):
        return 2.0 if episode.query.y.mean() > 0 else 1.0


class Masks(Plain):
    def factor(self, module, episode):
        return episode.query.y[episode.query.mask].mean()


class Draws(Plain):
    rng = np.random.default_rng(0)

    def factor(self, module, episode):
        return float(self.rng.random())


class ChangesLate(Draws):
    """Do something else than the two steps that are watched."""

    def factor(self, module, episode):
        return 3.0 if self.rng is SEEDS[2] else 1.0


SEEDS = [np.random.default_rng(seed) for seed in range(8)]


class Counts(Plain):
    def factor(self, module, episode):
        module.n_steps = getattr(module, "n_steps", 0) + 1
        return float(module.n_steps)


class Replaces(Plain):
    """Let a running mean be another tensor after each step."""

    def factor(self, module, episode):
        before = getattr(module, "running", torch.zeros(()))
        module.running = 0.5 * before + 0.5 * episode.query.y.mean()
        return module.running


class Floats(Plain):
    def meta_backward(self, module, episode):
        super().meta_backward(module, episode)
        return 3.0


@pytest.mark.parametrize(
    ("algorithm", "why"),
    [
        (Branches(), "_local_scalar_dense"),
        (Masks(), "index.Tensor"),
        (Draws(), "another computation"),
        (ChangesLate(), "another computation"),
        (Counts(), "more than numbers in tensors"),
        (Replaces(), "more than numbers in tensors"),
        (Floats(), "its loss is no tensor"),
        (MAMLPlusPlus(inner_steps=2), "_local_scalar_dense"),
    ],
    ids=lambda case: type(case).__name__ if isinstance(case, Algorithm) else None,
)
def test_what_no_graph_can_hold_runs_as_it_is_with_one_warning(algorithm, why):
    module, recorder = learner(algorithm), Recorder()
    step, other = CapturedStep(algorithm, "cpu", recorder), copy.deepcopy(module)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for seed in range(16):
            episode = draw(seed, shot=6 if seed < 8 else 7)
            Draws.rng = rng = SEEDS[seed % 8]
            state = rng.bit_generator.state
            expected = gradients_of(algorithm.meta_backward, other, episode)
            rng.bit_generator.state = state
            assert_same(gradients_of(step, module, episode), expected)
    assert [why in str(each.message) for each in caught] == [True]
    assert not recorder.n_replayed


def test_an_error_of_a_step_is_raised_as_ever():
    algorithm = BaselinePlusPlus()
    module, step = learner(algorithm, OWN), CapturedStep(algorithm, "cpu", Recorder())
    support, query = draw(0, OWN)
    strange = Episode(support._replace(label=support.label + 5), query)
    with pytest.raises(ValueError, match=r"Batch\.label holds 7"):
        step(module, strange)
    assert all(weight.grad is None for weight in module.parameters())


class Fails(Recorder):
    """Break off as CUDA does, when a part of the step is done already."""

    def record(self, step):
        step()
        raise RuntimeError("CUDA error: operation not permitted\nand more")


def test_a_capture_that_fails_leaves_no_gradient_behind():
    algorithm = MAML(0.1, 2)
    module, step = learner(algorithm), CapturedStep(algorithm, "cpu", Fails())
    episodes = list(map(draw, range(4)))
    with pytest.warns(UserWarning, match=r"\(CUDA error: operation not permitted\)"):
        found = train(step, module, episodes)
    expected = train(algorithm.meta_backward, module, episodes)
    torch.testing.assert_close(found, expected)


class Doubts(Plain):
    def factor(self, module, episode):
        return 5.0 if happens(episode.query.y > 1e3) else 1.0


def test_a_step_in_which_the_unlikely_happens_is_taken_again():
    algorithm, recorder = Doubts(), Recorder()
    module, step = learner(algorithm), CapturedStep(algorithm, "cpu", recorder)
    for seed in range(12):
        episode = draw(seed)
        if seed in (1, 6, 8):
            episode.query.y[0, 0] = 1e4
        expected = gradients_of(algorithm.meta_backward, module, episode)
        assert_same(gradients_of(step, module, episode), expected)
    assert (recorder.n_recorded, recorder.n_replayed) == (1, 9)


def test_a_graph_in_which_the_unlikely_is_usual_is_given_up():
    algorithm, recorder = Doubts(), Recorder()
    module, step = learner(algorithm), CapturedStep(algorithm, "cpu", recorder)
    for seed in range(2):
        step(module, draw(seed))
    episode = draw(0)
    episode.query.y[0, 0] = 1e4
    with pytest.warns(UserWarning, match="is met often"):
        train(step, module, [episode] * 9)
    assert recorder.n_replayed == 4


def test_graphs_make_room_only_where_they_are_out_of_use(monkeypatch, made):
    monkeypatch.setattr(captured, "_MOST_GRAPHS", 2)
    monkeypatch.setattr(captured, "_PATIENCE", 10)
    algorithm, module, step, recorder = made
    for shot in [2, 3, 4] * 6:
        expected = gradients_of(algorithm.meta_backward, module, draw(shot, shot=shot))
        assert_same(gradients_of(step, module, draw(shot, shot=shot)), expected)
    assert recorder.n_recorded == 2  # the third size runs as it is
    for _ in range(12):
        step(module, draw(0, shot=4))
    assert recorder.n_recorded == 3


# Through fit ---------------------------------------------------------------------


@pytest.fixture
def recorders(monkeypatch):
    """Let the CPU pass for a card; return what captures graphs there."""
    made = []

    def compile_step(algorithm, device):
        made.append(Recorder())
        return CapturedStep(algorithm, device, made[-1])

    monkeypatch.setattr(net, "compile_step", compile_step)
    return made


def test_fit_learns_the_same_by_graphs(recorders):
    X, y, task = make_sinusoids(n_tasks=30, n_rows=20, random_state=0)
    quick = {"max_epochs": 2, "tasks_per_epoch": 64, "batch_size": 8}
    made = partial(MetaRegressor, MAML(inner_steps=2), random_state=0, **quick)
    graphs, plain = (
        made(compile=each).fit(X, y, groups=task) for each in (True, False)
    )
    assert len(recorders) == 1
    assert recorders[0].n_replayed == 14
    np.testing.assert_allclose(
        graphs.history_[:, "train_loss"], plain.history_[:, "train_loss"], rtol=1e-6
    )
    for own, weight in zip(
        graphs.module_.parameters(), plain.module_.parameters(), strict=True
    ):
        torch.testing.assert_close(own, weight)
    assert "_meta_backward" not in vars(graphs.net_)  # it would hold memory


def test_supports_of_many_sizes_learn_the_same_by_graphs(recorders):
    X, y, task = make_sinusoids(n_tasks=30, n_rows=20, random_state=0)
    quick = {"max_epochs": 1, "tasks_per_epoch": 40, "batch_size": 1, "n_query": 5}
    quick |= {"n_shot": (1, 3), "prior": None, "backbone": MLP((8,))}
    made = partial(MetaRegressor, "gp", random_state=0, **quick)
    with AsOnACard():
        graphs = made(compile=True).fit(X, y, groups=task)
    plain = made().fit(X, y, groups=task)
    assert recorders[0].n_recorded == 3
    np.testing.assert_allclose(
        graphs.history_[:, "train_loss"], plain.history_[:, "train_loss"], rtol=1e-3
    )


# On a card -----------------------------------------------------------------------

on_a_card = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@on_a_card
@pytest.mark.parametrize("name", CASES)
def test_graphs_of_cuda_give_the_gradients_of_the_step(name):
    algorithm, spec = CASES[name]
    module = learner(algorithm, spec).to("cuda")
    step = CapturedStep(algorithm, "cuda")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(5):
            episode = draw(seed, spec, 20)
            at_home = episode.to("cuda")
            expected = gradients_of(algorithm.meta_backward, module, at_home)
            found = gradients_of(step, module, episode)
            assert_same(found, expected, rtol=1e-3, atol=1e-4)
    assert len(step._graphs) == 1


@on_a_card
def test_a_card_is_in_order_after_a_capture_that_fails(monkeypatch):
    algorithm = Branches()
    monkeypatch.setattr(captured.Watching, "_obstacle", lambda *args: None)
    module = learner(algorithm).to("cuda")
    step = CapturedStep(algorithm, "cuda")
    episodes = [draw(seed).to("cuda") for seed in range(4)]
    with pytest.warns(UserWarning, match="cannot be captured"):
        found = train(step, module, episodes)
    expected = train(algorithm.meta_backward, module, episodes)
    torch.testing.assert_close(found, expected)
    assert torch.rand(3, device="cuda").isfinite().all()  # outside of any capture
    assert torch.cuda.current_stream() == torch.cuda.default_stream()


@on_a_card
@pytest.mark.parametrize(
    "backbone", [MLP((32,), dropout=0.3), Conv4((8, 8), 8)], ids=["dropout", "conv4"]
)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_fit_learns_the_same_by_graphs_on_a_card(backbone, precision):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 64)).astype(np.float32)
    y = rng.integers(20, size=300)
    made = partial(
        MetaClassifier,
        "protonet",
        backbone,
        tasks="classes",
        precision=precision,
        max_epochs=2,
        tasks_per_epoch=96,
        early_stopping=False,
        device="cuda",
        random_state=0,
    )
    losses = [
        made(compile=each).fit(X, y).history_[:, "train_loss"] for each in (True, False)
    ]
    np.testing.assert_allclose(*losses, rtol=0.02)


@pytest.mark.parametrize("when", [0, 4])
def test_hooks_of_a_network_are_called_at_every_step(when):
    """A graph would go on without them, hung on before its capture or after."""
    algorithm, calls, n_steps = ProtoNet(), [], 8
    module = learner(algorithm, SHARED)
    step = CapturedStep(algorithm, "cpu", recorder := Recorder())
    with AsOnACard(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(n_steps):
            if seed == when:
                hook = lambda *_: calls.append(True)  # noqa: E731
                next(module.children()).register_forward_hook(hook)
            before = len(calls)
            step(module, draw(seed, SHARED))
            assert (len(calls) > before) == (seed >= when)
    assert recorder.n_replayed == max(0, when - 2)
