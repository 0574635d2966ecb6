"""A scale that is fitted to a few rows alone is told of, one of the training is not."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    Normalizer,
    StandardScaler,
)

from skmeta import FewShotClassifier, FewShotRegressor
from skmeta.ensemble import MetaStackingRegressor
from tests.quick import classifier, regressor

A, KIND = load_wine(return_X_y=True)
GROUPS = np.arange(len(A)) % 6
COLOUR, B = A[:, 9], np.delete(A, 9, axis=1)
FEW = slice(1, 30, 2)
SCALER = StandardScaler().fit(B)


def told(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [
        str(each.message)
        for each in caught
        if "fitted to these few rows alone" in str(each.message)
    ]


@pytest.fixture(scope="module")
def values():
    return regressor(algorithm="r2d2", early_stopping=False).fit(B, COLOUR, GROUPS)


@pytest.fixture(scope="module")
def classes():
    return classifier(early_stopping=False).fit(A, KIND, GROUPS)


@pytest.fixture(scope="module")
def behind_a_scaler():
    with sklearn.config_context(enable_metadata_routing=True):
        pipe = make_pipeline(StandardScaler(), regressor(algorithm="r2d2"))
        return pipe.fit(B, COLOUR, groups=GROUPS)


BEFORE = {
    "standardised": (StandardScaler(), True),
    "squeezed": (MinMaxScaler(), True),
    "turned": (PCA(), True),
    "both": (make_pipeline(SimpleImputer(), StandardScaler()), True),
    "as it is": (FunctionTransformer(), False),
    "row by row": (Normalizer(), False),
    "filled": (SimpleImputer(), False),
    "fitted before": (FrozenEstimator(SCALER), False),
}


@pytest.mark.parametrize("name", BEFORE)
def test_columns_in_a_unit_of_the_few_rows_are_told_of(name, values):
    before, expected = BEFORE[name]
    pipe = make_pipeline(before, FewShotRegressor(values))
    said = told(lambda: pipe.fit(B[FEW], COLOUR[FEW]))
    assert len(said) == expected
    if expected:
        assert "FewShotRegressor knows columns in the units of its training" in said[0]


FILLED = {
    "by the mean": (SimpleImputer(), False),
    "by neighbours": (KNNImputer(), False),
    "some": (
        make_column_transformer((SimpleImputer(), [0, 1]), remainder="passthrough"),
        False,
    ),
    "and standardised": (make_pipeline(SimpleImputer(), StandardScaler()), True),
}


@pytest.mark.parametrize("name", FILLED)
@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame])
def test_who_fills_gaps_changes_no_unit(name, container, values):
    before, expected = FILLED[name]
    few = B[FEW] + 3.0 * B.std(axis=0)  # off, and in the unit of the training
    few[[2, 5], [1, 0]] = np.nan
    pipe = make_pipeline(before, FewShotRegressor(values))
    assert len(told(lambda: pipe.fit(container(few), COLOUR[FEW]))) == expected


OF_COLOURS = StandardScaler().fit(COLOUR[:, np.newaxis])
TARGETS = {
    "standardised": (StandardScaler(), True),
    "squeezed": (MinMaxScaler((0, 0.5)), True),
    "as it is": (None, False),
    "logarithm": (FunctionTransformer(np.log, np.exp), False),
    "fitted before": (
        FunctionTransformer(OF_COLOURS.transform, OF_COLOURS.inverse_transform),
        False,
    ),
}


@pytest.mark.parametrize("name", TARGETS)
def test_targets_in_a_unit_of_the_few_rows_are_told_of(name, values):
    transformer, expected = TARGETS[name]
    few = TransformedTargetRegressor(FewShotRegressor(values), transformer=transformer)
    assert len(told(lambda: few.fit(B[FEW], COLOUR[FEW]))) == expected


def test_it_is_told_of_inside_searches_and_to_ensembles(values, classes):
    pipe = make_pipeline(StandardScaler(), FewShotClassifier(classes))
    assert told(lambda: cross_val_score(pipe, A, KIND, cv=2))
    stack = MetaStackingRegressor([("one", regressor())], weights="equal")
    stack.fit(B, COLOUR, groups=GROUPS)
    pipe = make_pipeline(StandardScaler(), FewShotRegressor(stack))
    assert told(lambda: pipe.fit(B[FEW], COLOUR[FEW]))


def test_what_the_training_was_scaled_by_is_left_alone(behind_a_scaler):
    few = FewShotRegressor(behind_a_scaler)
    assert not told(lambda: few.fit(B[FEW], COLOUR[FEW]))
    twice = make_pipeline(MinMaxScaler(), few)
    assert told(lambda: twice.fit(B[FEW], COLOUR[FEW]))


def test_who_scales_every_task_by_itself_may_go_on_so():
    Z, z = B.copy(), COLOUR.copy()
    for task in range(6):
        own = task == GROUPS
        Z[own] = StandardScaler().fit_transform(B[own])
        z[own] = StandardScaler().fit_transform(COLOUR[own][:, None])[:, 0]
    few = FewShotRegressor(regressor(algorithm="r2d2").fit(Z, z, groups=GROUPS))
    whole = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), few), transformer=StandardScaler()
    )
    for rows in (FEW, slice(0, 5), slice(60, 90)):
        assert not told(lambda rows=rows: whole.fit(B[rows], COLOUR[rows]))
