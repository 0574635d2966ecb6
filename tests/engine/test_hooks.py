"""Callbacks of scikit-learn: every epoch is told, and none is left behind."""

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmeta import MetaClassifier, MetaRegressor, load
from skmeta.datasets import make_sinusoids
from skmeta.model_selection import few_shot_scorer

pytest.importorskip("sklearn.callback", reason="scikit-learn 1.8 has no callbacks")

HOW = {"max_epochs": 3, "tasks_per_epoch": 32, "random_state": 0}


class Listener:
    """Notes what it is told, and stops after some epochs."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.heard = []
        self.ready = []

    def setup(self, estimator, context):
        self.heard.append("setup")

    def teardown(self, estimator, context):
        self.heard.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, metadata=None):
        self.heard.append(f"begin {context.task_name}")
        self.n_rows, self.metadata = len(X), metadata
        self.n_epochs = context.max_subtasks

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.heard.append(f"end {context.task_name}")
        self.ready.append(fitted_estimator)
        return context.task_id + 1 == self.stop_after and context.task_name == "epoch"


@pytest.fixture(scope="module")
def sines():
    return make_sinusoids(n_tasks=20, n_rows=20, random_state=0)


def learner(**how):
    return MetaRegressor("anil", **{**HOW, **how})


def test_every_epoch_is_told(sines):
    X, y, groups = sines
    listener = Listener()
    learner().set_callbacks(listener).fit(X, y, groups=groups)
    epochs = ["begin epoch", "end epoch"] * 3
    told = ["setup", "begin fit", *epochs, "end fit", "teardown"]
    assert listener.heard == told
    assert listener.n_rows == len(X)
    assert np.array_equal(listener.metadata["groups"], groups)


def test_callbacks_change_no_weight_and_stay_in_no_pickle(sines):
    X, y, groups = sines
    alone = learner().fit(X, y, groups=groups)
    heard = learner().set_callbacks(Listener()).fit(X, y, groups=groups)
    few = {"groups": groups[:200]}
    answers = [
        each.adapt(X[:200], y[:200], **few).predict(X[:200], **few)
        for each in (alone, heard, pickle.loads(pickle.dumps(heard)))
    ]
    assert np.array_equal(answers[0], answers[1])
    assert np.array_equal(answers[1], answers[2])
    assert [name for name, _ in heard.net_.callbacks_] == [
        name for name, _ in alone.net_.callbacks_
    ]


def test_callbacks_are_in_no_file(sines, tmp_path):
    X, y, groups = sines
    heard = learner().set_callbacks(Listener()).fit(X, y, groups=groups)
    heard.save(tmp_path / "heard.skmeta")
    loaded = load(tmp_path / "heard.skmeta")
    assert not [name for name in vars(loaded) if name.startswith(("_skl", "_callb"))]


def test_the_learner_of_an_epoch_is_that_of_a_shorter_training(sines):
    X, y, groups = sines
    listener = Listener()
    how = {"early_stopping": False}
    learner(**how).set_callbacks(listener).fit(X, y, groups=groups)
    short = learner(max_epochs=1, **how).fit(X, y, groups=groups)
    of_one = listener.ready[0]
    for name, weight in short.module_.state_dict().items():
        assert np.array_equal(weight, of_one.module_.state_dict()[name])
    assert np.isfinite(of_one.score(X, y, groups=groups))


def test_a_callback_may_stop_the_training_and_nobody_is_interrupted(sines):
    X, y, groups = sines
    meta = learner().set_callbacks(Listener(stop_after=2)).fit(X, y, groups=groups)
    assert len(meta.history_) == 2
    assert not meta.net_.is_interrupted
    assert "valid_loss" in meta.history_[-1]


def test_callbacks_are_torn_down_where_a_fit_fails(sines):
    X, y, _ = sines
    listener = Listener()
    meta = learner().set_callbacks(listener)
    with pytest.raises(ValueError, match="groups"):
        meta.fit(X, y)
    assert listener.heard == ["setup", "teardown"]


def test_learners_that_a_fit_makes_for_itself_are_not_told(sines):
    X, y, groups = sines
    labels = (y > 0).astype(int) + (y > 1)
    listener = Listener()
    meta = MetaClassifier("protonet", reject=True, **HOW).set_callbacks(listener)
    meta.fit(X, labels, groups=groups)
    assert listener.heard.count("begin fit") == 1


def test_a_monitor_of_scores_gets_the_few_shot_score_of_every_epoch(sines):
    from sklearn.callback import ScoringMonitor

    X, y, groups = sines
    monitor = ScoringMonitor(scoring={"r2": few_shot_scorer("r2", n_shot=5)})
    with sklearn.config_context(enable_metadata_routing=True):
        pipe = make_pipeline(StandardScaler(), learner().set_callbacks(monitor))
        pipe.fit(X, y, groups=groups)
    scores = monitor.get_logs().data_as_pandas
    assert np.isfinite(scores["r2"]).sum() == 4  # three epochs and the end


def test_cross_validation_tells_every_fit(sines):
    X, y, groups = sines
    listener = Listener()
    with sklearn.config_context(enable_metadata_routing=True):
        cross_val_score(
            learner().set_callbacks(listener),
            X,
            y,
            params={"groups": groups},
            cv=GroupKFold(2),
        )
    assert listener.heard.count("end epoch") == 6
