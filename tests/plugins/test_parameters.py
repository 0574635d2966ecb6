"""Parameters of names: what cannot be set says what can."""

import pytest
import sklearn
from sklearn.model_selection import GridSearchCV, GroupKFold

from skmeta import MetaRegressor
from skmeta.algorithms import MAML, ProtoNet
from skmeta.model_selection import TaskAsCategory
from tests.quick import TASK, TINY, X, Y


@pytest.mark.parametrize(
    ("estimator", "key", "advice"),
    [
        (
            MetaRegressor("maml"),
            "algorithm__inner_lr",
            r"Set algorithm to MAML\(\) first",
        ),
        (MetaRegressor(), "backbone__hidden", r"Set backbone to MLP\(\) first"),
        (MetaRegressor("nobody"), "algorithm__lr", "Set algorithm to an object first"),
        (MetaRegressor(), "prior__max_iter", "Set prior to an object first"),
        (MetaRegressor(prior=None), "prior__max_iter", "None has no parameters"),
        (MetaRegressor(), "n_query__x", "Set n_query to an object first"),
        (ProtoNet(), "distance__p", r"Set distance to Euclidean\(\) first"),
        (TaskAsCategory(), "estimator__max_iter", "None has no parameters"),
    ],
)
def test_parameters_of_a_name_say_what_to_do(estimator, key, advice):
    with pytest.raises(ValueError, match=advice):
        estimator.set_params(**{key: 0.1})


def test_objects_take_parameters_beside_themselves():
    meta = MetaRegressor("maml")
    meta.set_params(algorithm__inner_lr=0.3, algorithm=MAML())
    assert meta.algorithm.inner_lr == 0.3
    with pytest.raises(ValueError, match="Invalid parameter 'nobody'"):
        meta.set_params(nobody__x=1)


def test_searches_say_it_as_well():
    grid = {"algorithm__inner_lr": [0.1]}
    search = GridSearchCV(MetaRegressor("maml", **TINY), grid, cv=GroupKFold(2))
    with (
        sklearn.config_context(enable_metadata_routing=True),
        pytest.raises(ValueError, match=r"algorithm=\[MAML\(\)\]"),
    ):
        search.fit(X, Y, groups=TASK)
