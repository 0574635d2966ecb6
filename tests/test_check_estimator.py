"""scikit-learn's own checks, with no failure but those that follow from the method."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmeta import MetaClassifier, MetaRegressor
from skmeta.testing import expected_failed_checks

# Some steps: they learn to adapt, and the checks fit each some hundred times.
QUICK = {"max_epochs": 2, "tasks_per_epoch": 32}


@pytest.mark.slow
@parametrize_with_checks(
    [
        MetaClassifier("maml", tasks="classes", **QUICK),
        MetaClassifier("protonet", tasks="classes", **QUICK),
        MetaClassifier(tasks="classes", **QUICK),
        MetaClassifier("r2d2", tasks="table", **QUICK),  # of several labels, too
        MetaRegressor(tasks="table", **QUICK),
        MetaRegressor("maml", tasks="table", lr=1e-2, **QUICK | {"max_epochs": 4}),
    ],
    expected_failed_checks=expected_failed_checks,
)
def test_scikit_learn_finds_nothing_else_to_complain_of(estimator, check):
    order = check.func.__name__ == "check_methods_sample_order_invariance"
    if order and estimator.get_params()["algorithm"] == "gp":
        pytest.skip("It asks for 1e-7, closer than products of single precision are.")
    check(estimator)
