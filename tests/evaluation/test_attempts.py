"""Many learners, of whom some fail and some warn."""

import warnings

from sklearn.exceptions import ConvergenceWarning

from skmeta.evaluation.attempts import Attempts


def test_who_fails_is_told_of_and_not_tried_again():
    told, tried = [], []
    attempts = Attempts(told.append)

    def fail():
        tried.append("bad")
        raise ZeroDivisionError("by nothing")

    attempts.begin("fitting", {"bad", "good"})
    assert attempts.run_all({"bad": fail, "good": lambda: 3}) == {"good": 3}
    attempts.begin("judging", {"bad", "good"})
    assert attempts.run_all({"bad": fail, "good": lambda: 4}) == {"good": 4}
    assert tried == ["bad"]
    assert attempts.failures == {"bad": "by nothing"}
    assert told == [
        "fitting",
        "[1/2] bad",
        "      failed: by nothing",
        "[2/2] good",
        "judging",
        "[2/2] good",
    ]


def test_what_is_warned_of_is_told_once_with_who_did():
    attempts = Attempts(lambda line: None)

    def work(*kinds):
        for kind in kinds:
            text = "odd rows" if kind is UserWarning else "fine"
            warnings.warn(text, kind, stacklevel=2)

    attempts.run("a", lambda: work(UserWarning, ConvergenceWarning))
    attempts.run("b", lambda: work(UserWarning, UserWarning, DeprecationWarning))
    assert attempts.remarks() == ["a, b: odd rows"]


def test_only_time_of_their_own_counts():
    attempts = Attempts(lambda line: None)
    attempts.run("a", lambda: 1, timed=False)
    assert attempts.seconds["a"] == 0
    attempts.run("a", lambda: 1)
    assert attempts.seconds["a"] > 0
