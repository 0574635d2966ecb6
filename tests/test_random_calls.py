"""No call ends in an internal traceback, nor in an answer that is none.

``SKMETA_RANDOM_CALLS=2000 python -m pytest tests/test_random_calls.py`` makes more.
"""

import os
import tempfile

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skmeta import MetaRegressor
from skmeta.algorithms import R2D2
from tests.random_calls import (
    CONTAINERS,
    GROUP_KINDS,
    OPTIONS,
    PARAMETERS,
    VERBS,
    WEIGHT_KINDS,
    WHO,
    X_KINDS,
    Y_KINDS,
    Call,
    carry_out,
)

# Groups, weights, parameter, container, rows and seed of a usual call.
USUAL = ("none", "none", "usual", "array", 6, 0)

N_CALLS = int(os.environ.get("SKMETA_RANDOM_CALLS", "60"))


def mostly_usual(kinds):
    """Choose the first of some kinds as often as all others, else few calls get far."""
    return st.one_of(st.just(kinds[0]), st.sampled_from(kinds))


CALLS = st.builds(
    Call,
    who=st.sampled_from(WHO),
    verb=st.sampled_from([*VERBS]),
    X=mostly_usual(X_KINDS),
    y=mostly_usual(Y_KINDS),
    groups=mostly_usual(GROUP_KINDS),
    weights=mostly_usual(WEIGHT_KINDS),
    parameter=mostly_usual([*PARAMETERS]),
    container=mostly_usual(CONTAINERS),
    n_rows=st.integers(1, 12),
    seed=st.integers(0, 99),
)


@settings(
    max_examples=N_CALLS,
    derandomize="SKMETA_RANDOM_CALLS" not in os.environ,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)
@given(CALLS)
def test_a_call_ends_in_an_answer_or_in_words(call):
    with tempfile.TemporaryDirectory() as folder:
        outcome = carry_out(call, folder)
    assert outcome.is_well, outcome.said


# Calls that once ended in an error of numpy, torch or pandas, or in no number.
ONCE = [
    Call("regressor r2d2", "adapt", "usual", "words", *USUAL),
    Call("plain values", "adapt", "usual", "text", *USUAL),
    Call("plain values", "save", "a word", "far", *USUAL),
    Call("plain values", "predict_proba", "usual", "usual", *USUAL),
    Call("few-shot regressor r2d2", "few-shot", "nothing", "usual", *USUAL),
    Call("classifier maml", "compare", "usual", "lists", *USUAL),
    Call("pool", "scorer", "usual", "a column", *USUAL)._replace(n_rows=1),
    Call("ensemble of values", "score", "usual", "usual", *USUAL)._replace(
        groups="own"
    ),
    Call("regressor maml", "curve", "usual", "usual", *USUAL)._replace(groups="lists"),
    Call("per task siamese", "few-shot", "usual", "words", *USUAL)._replace(
        weights="huge"
    ),
    Call("regressor task", "forget", "usual", "usual", *USUAL)._replace(
        groups="shorter", n_rows=1, seed=82
    ),
    Call("classifier gp", "forget", "usual", "usual", *USUAL)._replace(groups="lists"),
    Call("classifier maml", "partial_adapt", "usual", "dates", *USUAL)._replace(
        groups="numbers", seed=5
    ),
    Call("few-shot classifier maml", "few-shot", "usual", "all missing", *USUAL),
    Call("regressor maml", "fit", "three axes", "a gap", *USUAL),
    Call("plain classes", "predict", "a class", "usual", *USUAL),
    Call("ensemble of values", "fit", "usual", "usual", *USUAL)._replace(
        groups="numbers", container="memoryview", n_rows=12
    ),
    Call("regressor maml", "score", "usual", "all missing", *USUAL)._replace(
        groups="numbers"
    ),
    Call("regressor r2d2", "fit", "usual", "a gap", *USUAL)._replace(groups="shorter"),
    Call("regressor r2d2", "fit", "usual", "truth", *USUAL)._replace(
        groups="numbers", n_rows=12
    ),
    Call("ensemble of classes", "partial_adapt", "usual", "all None", *USUAL)._replace(
        groups="numbers", seed=1
    ),
    Call("per task gp", "one of many", "usual", "usual", *USUAL)._replace(
        groups="numbers", n_rows=8
    ),
    Call("few-shot classifier maml", "graph", "usual", "usual", *USUAL)._replace(
        n_rows=2
    ),
    *(
        Call(who, "come and go", "usual", "usual", *USUAL)._replace(
            n_rows=n_rows, seed=seed
        )
        for who in ("regressor unlabelled", "ensemble unlabelled", "per task gp")
        for n_rows, seed in ((8, 27), (3, 33), (2, 35))
    ),
    *(
        Call("regressor maml", "set_params", "usual", "usual", *USUAL)._replace(
            parameter=parameter
        )
        for parameter in ("no inner rate", "no ridge", "hidden", "wrong optimizer")
    ),
    *(
        Call("regressor maml", verb, "usual", "usual", *USUAL)._replace(seed=seed)
        for verb in ("curve", "compare")
        for seed in range(len(OPTIONS))
    ),
]


@pytest.mark.parametrize("call", ONCE, ids=lambda call: "-".join(map(str, call[:4])))
def test_calls_that_once_fell_end_well(call, tmp_path):
    outcome = carry_out(call, tmp_path)
    assert outcome.is_well, outcome.said


@pytest.mark.parametrize(
    "error",
    [
        lambda: np.concatenate([np.zeros(2), np.zeros((2, 2))]),
        lambda: tuple(range(2))[5],
        lambda: torch.zeros(2) @ torch.zeros(3),
        lambda: {}["no such key"],
        lambda: "a" < 1,
    ],
)
def test_an_error_that_nobody_wrote_is_told_from_one_of_ours(error, monkeypatch):
    """The judge of the calls is not blind: inside skmeta these are no words."""

    def adapt(self, *args, **kwargs):
        return error()

    call = Call("regressor r2d2", "adapt", "usual", "usual", *USUAL)
    with tempfile.TemporaryDirectory() as folder:
        assert carry_out(call, folder).is_well
        monkeypatch.setattr(R2D2, "adapt", adapt)
        assert not carry_out(call, folder).is_well


def test_an_answer_beyond_all_bounds_is_told(tmp_path, monkeypatch):
    call = Call("regressor r2d2", "predict", "usual", "usual", *USUAL)
    for wrong in (np.nan, 1e9):
        monkeypatch.setattr(
            MetaRegressor, "predict", lambda *a, wrong=wrong, **k: np.full(3, wrong)
        )
        outcome = carry_out(call, tmp_path)
        assert not outcome.is_well
        assert "OutOfBoundsError" in outcome.said
