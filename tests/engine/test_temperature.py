"""How far tasks are believed is learnt from tasks, and nothing else."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

import skmeta
from skmeta import MetaClassifier, MetaRegressor
from skmeta.algorithms import GP, Spec
from skmeta.backbones import Identity
from skmeta.engine import chunks
from skmeta.engine.temperature import _highest, learn_temperature
from skmeta.episodes import Batch
from skmeta.episodes.sampler import EpisodeSampler
from skmeta.episodes.table import Table
from tests.quick import TASK, TINY, X, Y, wine


def highest(*losses, n_tasks=100):
    """Let the temperatures 1, 4, 16, ... have such losses, and then worse ones."""
    of = dict(zip(4.0 ** np.arange(len(losses)), losses, strict=True))
    worst = [1e3 * each for each in losses[0]]
    return _highest(lambda each: torch.tensor(of.get(each, worst)), n_tasks)


def test_it_rises_as_long_as_losses_fall():
    losses = [1.0, 1.1, 0.9, 1.0]
    half, less = [0.5 * x for x in losses], [0.4 * x for x in losses]
    assert highest(losses, half) == 4.0
    assert highest(losses, half, less) == 16.0
    assert highest(losses, [2 * x for x in losses]) == 1.0


def test_it_rises_where_losses_are_as_good_by_chance_but_not_step_by_step():
    losses = np.linspace(0.5, 1.5, 100)
    by_chance = losses * np.tile([0.9, 1.11], 50)
    assert highest(losses, by_chance) == 4.0
    assert highest(losses, 1.1 * losses) == 1.0
    way = [losses, *((1 + 0.002 * step) * by_chance for step in range(7))]
    assert 4.0 <= highest(*way) < 4.0**7


def test_few_tasks_tell_less_however_many_episodes_there_are_of_them():
    rng = np.random.default_rng(0)
    losses = rng.uniform(0.5, 1.5, 256)
    worse = 1.05 * losses * rng.choice([0.7, 1.35], 256)
    assert highest(losses, worse, n_tasks=256) == 1.0
    assert highest(losses, worse, n_tasks=8) == 4.0


def test_a_task_of_large_losses_does_not_outvote_all_others():
    losses, hotter = [1.0] * 19 + [1e6], [1.2] * 19 + [0.8e6]
    assert np.mean(hotter) < np.mean(losses)
    assert highest(losses, hotter) == 1.0


def test_losses_that_are_no_numbers_are_not_taken():
    assert highest([1.0, 1.0], [np.nan, 1.0]) == 1.0
    assert highest([1.0, 1.0], [np.inf, 0.1]) == 1.0


# By algorithms and estimators ------------------------------------------------------


def learn(log_noise, n_tasks=60, n_rows=12):
    """Learn it for tasks that have a level each, of variance 4, and noise of 1 / 4."""
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(n_tasks), n_rows)
    X = rng.normal(size=(len(task), 2)).astype(np.float32)
    y = 2 * rng.normal(size=n_tasks)[task] + 0.5 * rng.normal(size=len(task))
    algorithm, spec = GP(width=2), Spec(2, 1, "regressor")
    module = algorithm.build(Identity(), spec).eval()
    module.first[:3] = torch.tensor([4.0, 1e-6, 1e-6]).log()
    module.first[3:5] = -10.0  # no slopes
    module.log_noise.data[:] = log_noise
    return learn_temperature(
        algorithm,
        module,
        EpisodeSampler(
            Table(X, y.astype(np.float32)), task, n_shot=(1, n_rows - 2), n_query=2
        ),
        scaling=None,
        spec=spec,
        device="cpu",
        rng=np.random.default_rng(0),
    )


def test_who_thinks_too_little_of_noise_learns_at_a_higher_temperature():
    assert learn(np.log(0.25)) == (1.0,)
    assert learn(np.log(4.0)) == (1.0,)
    assert learn(np.log(0.25) - 9)[0] > 1.0


def test_tasks_of_many_rows_are_asked_a_few_at_a_time(monkeypatch):
    """As in all judges: no more rows go through at once than are usual."""
    shapes = []
    adapt = GP.adapt

    def noting(self, module, support):
        shapes.append(support.X.shape[:2])
        return adapt(self, module, support)

    monkeypatch.setattr(GP, "adapt", noting)
    learn(np.log(0.25))
    assert {n_tasks for n_tasks, _ in shapes} == {64}
    del shapes[:]
    monkeypatch.setattr(chunks, "ROWS_AT_ONCE", 256)
    learn(np.log(0.25), n_rows=40)
    n_tasks, n_rows = np.array(shapes).T
    assert n_rows.max() == 38
    assert 256 < (n_tasks * n_rows).max() <= chunks.rows_at_once([])
    assert n_tasks.sum() % 256 == 0  # no fewer tell


@pytest.mark.parametrize("n_rows", [1, 10, 40, 200])
def test_it_holds_up_to_ten_rows_and_fades_with_more(n_rows):
    """Whatever ten rows are thought to tell, many rows are learnt from."""
    algorithm, spec = GP(width=2), Spec(2, 1, "regressor")
    module = algorithm.build(Identity(), spec).double().eval()
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n_rows, 2)), rng.normal(size=n_rows)
    own = 1 + 63 * min(1, (10 / n_rows) ** 2)
    answers = []
    for temperature, weight in ((64.0, np.ones(n_rows)), (1.0, np.ones(n_rows) / own)):
        batch = Batch(
            torch.from_numpy(X)[None],
            torch.from_numpy(y)[None],
            torch.ones(1, n_rows, dtype=torch.bool),
            torch.zeros(1, dtype=torch.long),
            weight=torch.from_numpy(weight)[None],
        )
        learner = GP(width=2, temperature=temperature)
        with torch.no_grad():
            state = learner.adapt(module, batch)
            answers.append(learner.predict(module, state, batch.X).numpy())
    np.testing.assert_allclose(*answers, rtol=1e-8)
    assert own < (1.2 if n_rows == 200 else 65)


@pytest.fixture(scope="module")
def fitted():
    return MetaRegressor(prior=None, **TINY).fit(X, Y, groups=TASK)


def test_a_temperature_is_kept_in_files_and_divides_what_rows_count(fitted, tmp_path):
    meta = clone(fitted).fit(X, Y, groups=TASK)
    meta.temperature_ = 16.0
    answers = meta.adapt(X[:4], Y[:4]).predict(X[4:9])
    meta.save(tmp_path / "meta.skmeta")
    again = skmeta.load(tmp_path / "meta.skmeta")
    assert again.temperature_ == 16.0
    np.testing.assert_array_equal(again.predict(X[4:9]), answers)
    np.testing.assert_array_equal(again.adapt(X[:4], Y[:4]).predict(X[4:9]), answers)
    again.temperature_ = None
    weighed = again.adapt(X[:4], Y[:4], sample_weight=np.full(4, 1 / 16))
    np.testing.assert_allclose(weighed.predict(X[4:9]), answers, rtol=1e-5)
    assert not np.allclose(again.adapt(X[:4], Y[:4]).predict(X[4:9]), answers)


def test_files_without_one_are_answered_as_ever(fitted, tmp_path):
    meta = clone(fitted).fit(X, Y, groups=TASK)
    meta.temperature_ = None
    answers = meta.adapt(X[:4], Y[:4]).predict(X[4:9])
    del meta.temperature_  # as in files of before
    meta.save(tmp_path / "meta.skmeta")
    again = skmeta.load(tmp_path / "meta.skmeta").adapt(X[:4], Y[:4])
    np.testing.assert_array_equal(again.predict(X[4:9]), answers)


def test_who_names_a_temperature_gets_it_and_of_classes_there_is_none():
    meta = MetaRegressor(GP(temperature=4.0), prior=None, **TINY)
    assert meta.fit(X, Y, groups=TASK).temperature_ is None
    assert meta._learner().algorithm.temperature == 4.0
    assert MetaRegressor("r2d2", **TINY).fit(X, Y, groups=TASK).temperature_ is None
    X_wine, y, groups = wine()
    meta = MetaClassifier("gp", prior=None, **TINY).fit(X_wine, y, groups=groups)
    assert meta.temperature_ is None


class OwnGP(GP):
    """Has not taken all parameters over."""

    def __init__(self, width=4):
        super().__init__(width)


def test_who_has_no_such_parameter_is_fitted_without():
    assert MetaRegressor(OwnGP(), prior=None, **TINY).fit(X, Y, groups=TASK)


def test_few_tasks_and_rows_of_one_table_choose_none():
    few = TASK < 9
    meta = MetaRegressor(prior=None, **TINY).fit(X[few], Y[few], groups=TASK[few])
    assert meta.temperature_ is None
    meta = MetaRegressor(prior=None, tasks="table", **TINY).fit(X, Y)
    assert meta.temperature_ is None


@pytest.mark.parametrize("wrong", [0.5, np.inf, (1.0, 2.0), "hot"])
def test_a_file_with_another_is_refused(fitted, wrong, tmp_path):
    meta = clone(fitted).fit(X, Y, groups=TASK)
    meta.temperature_ = wrong
    meta.save(tmp_path / "meta.skmeta")
    with pytest.raises(skmeta.exceptions.LoadError, match="temperature"):
        skmeta.load(tmp_path / "meta.skmeta")


def test_every_target_has_a_temperature_of_its_own():
    both = np.column_stack([Y, Y[::-1]])
    meta = MetaRegressor(prior=None, **TINY).fit(X, both, groups=TASK)
    assert len(meta.temperature_) == 2
    one, other = [], []
    for temperatures in ((1.0, 64.0), (64.0, 1.0)):
        meta.temperature_ = temperatures
        answers = meta.adapt(X[:4], both[:4]).predict(X[4:9])
        one.append(answers[:, 0])
        other.append(answers[:, 1])
    assert not np.allclose(*one)
    assert not np.allclose(*other)


def test_another_pass_over_more_tasks_leaves_it_as_it_is(fitted):
    meta = clone(fitted).fit(X, Y, groups=TASK)
    meta.temperature_ = 16.0
    assert meta.partial_fit(X, Y, groups=TASK).temperature_ == 16.0
    first = clone(fitted).partial_fit(X, Y, groups=TASK)
    assert first.temperature_ >= 1.0
