"""The demo's scores: supports are nested, the query is one, and all are averaged."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

from skmeta.demo.baselines import make_baselines
from skmeta.demo.scores import plot_scores, score_methods, tabulate_scores


class Spy(ClassifierMixin, BaseEstimator):
    """Likes what it was told to, and writes down which rows it is shown."""

    def __init__(self, has_prior=True):
        self.has_prior = has_prior

    def fit(self, X, y, groups):
        self.classes_, self.supports, self.queries = np.unique(y), [], []
        return self

    def adapt(self, X=None, y=None, groups=None):
        if X is None and not self.has_prior:
            raise ValueError("no prior")
        self.supports.append(set() if X is None else set(X[:, 0]))
        return self

    def predict_proba(self, X, groups=None):
        self.queries.append(set(X[:, 0]))
        likely = 1 / (1 + np.exp(-X[:, 1]))
        return np.column_stack([1 - likely, likely])


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(12), 40)
    X = np.column_stack([np.arange(len(user)), rng.normal(size=(len(user), 2))])
    y = (X[:, 1] + rng.normal(size=len(user)) > 0).astype(int)
    train = user < 8
    return Bunch(
        X_train=X[train],
        y_train=y[train],
        groups_train=user[train],
        X_test=X[~train],
        y_test=y[~train],
        groups_test=user[~train],
    )


def test_supports_grow_and_the_query_stays(data):
    spy = Spy()
    score_methods({"spy": spy}, data, sizes=(0, 2, 5), n_query=20)
    assert [len(support) for support in spy.supports] == [0, 2 * 4, 5 * 4]
    assert spy.supports[1] < spy.supports[2]
    assert spy.queries[0] == spy.queries[1] == spy.queries[2]
    assert len(spy.queries[0]) == 20 * 4
    assert not spy.supports[2] & spy.queries[0]


def test_scores_are_means_over_users(data):
    spy = Spy()
    scores = score_methods({"spy": spy}, data, sizes=(3,)).iloc[0]
    asked = sorted(int(row) - len(data.X_train) for row in spy.queries[0])
    y, proba = data.y_test[asked], spy.predict_proba(data.X_test[asked])[:, 1]
    user = data.groups_test[asked]
    each = [user == name for name in np.unique(user)]
    auc = [roc_auc_score(y[own], proba[own]) for own in each]
    assert scores.auc == pytest.approx(np.mean(auc))
    assert scores.pooled_auc == pytest.approx(roc_auc_score(y, proba))
    loss = [log_loss(y[own], proba[own], labels=[0, 1]) for own in each]
    assert scores.log_loss == pytest.approx(np.mean(loss))
    # t_{0.975} of 3 degrees of freedom is 3.1824
    assert scores.auc_ci == pytest.approx(3.182446 * np.std(auc, ddof=1) / 2)


def test_who_knows_nothing_before_the_first_row_has_no_line_there(data, tmp_path):
    methods = {"prior": Spy(), "none": Spy(has_prior=False)}
    scores = score_methods(methods, data, sizes=(0, 2))
    places = scores.groupby("method")["size"].agg(list)
    assert places["prior"] == [0, 2]
    assert places["none"] == [2]
    path = plot_scores(scores, tmp_path / "scores.png", highlight=["prior"])
    assert path.read_bytes().startswith(b"\x89PNG")
    assert len(tabulate_scores(scores, size=0).splitlines()) == 3


def test_what_fails_on_rows_is_not_passed_over(data):
    class Broken(Spy):
        def adapt(self, X=None, y=None, groups=None):
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        score_methods({"broken": Broken()}, data, sizes=(2,))


def test_baselines_are_strategies_that_learn_from_users(data):
    for name, baseline in make_baselines().items():
        scores = score_methods({name: baseline}, data, sizes=(0, 5)).set_index("size")
        assert (0 in scores.index) == (name != "logistic per user")
        assert scores.auc[5] > 0.55, name


def test_a_model_per_user_is_on_the_scale_of_all_users(data):
    per_user = make_baselines()["logistic per user"]
    score_methods({"per user": per_user}, data, sizes=(3,))
    assert isinstance(per_user, type(make_pipeline(StandardScaler())))
    np.testing.assert_allclose(per_user[0].mean_, data.X_train.mean(axis=0))
