"""What runs where joblib is told to, and must find the same there as here."""

import sklearn
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold

from skmeta import MetaRegressor
from skmeta.ensemble import MetaStackingRegressor
from skmeta.model_selection import Pooled, compare, few_shot_curve
from tests.quick import TASK, TINY, X, Y


def everything(meta):
    """Yield what a search, two judges and a stack find, as arrays."""
    with sklearn.config_context(enable_metadata_routing=True):
        grid = {"n_shot": [2, 4]}
        search = GridSearchCV(MetaRegressor("r2d2", **TINY), grid, cv=GroupKFold(2))
        yield search.fit(X, Y, groups=TASK).cv_results_["mean_test_score"]
    how = {"shots": (0, 2, 4), "n_repeats": 2}
    curve = few_shot_curve({"gp": meta}, X, Y, TASK, **how, per_task=True)
    yield curve.score.to_numpy()
    learners = {"gp": meta, "own": Ridge(), "all": Pooled(Ridge())}
    yield compare(learners, X, Y, TASK, shots=3, cv=2).per_task.score.to_numpy()
    members = [(name, MetaRegressor(name, **TINY)) for name in ("r2d2", "gp")]
    stack = MetaStackingRegressor(members, cv=2, random_state=0)
    stack.fit(X, Y, groups=TASK)
    yield stack.weights_
    yield stack.adapt(X[:4], Y[:4]).predict(X[4:9])
