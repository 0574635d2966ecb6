"""No call ends in an internal traceback, nor in an answer that is none.

``SKMETA_RANDOM_CALLS=2000 python -m pytest tests/test_random_calls.py`` makes more.
"""

import os
import tempfile

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.random_calls import (
    CONTAINERS,
    GROUP_KINDS,
    PARAMETERS,
    VERBS,
    WEIGHT_KINDS,
    WHO,
    X_KINDS,
    Y_KINDS,
    Call,
    carry_out,
)

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
