"""Many learners, of whom some fail and some warn."""

import io
import warnings

from sklearn.exceptions import ConvergenceWarning

from skmeta.evaluation.attempts import Attempts
from skmeta.evaluation.progress import Progress


def attempts_of(*names):
    told = io.StringIO()
    progress = Progress(["fitting", "judging"], dict.fromkeys(names, 1.0), told)
    return Attempts(progress), told


def test_who_fails_is_told_of_and_not_tried_again():
    tried = []
    attempts, told = attempts_of("bad", "good")

    def fail():
        tried.append("bad")
        raise ZeroDivisionError("by nothing")

    for stage, answer in (("fitting", 3), ("judging", 4)):
        assert attempts.run(stage, "bad", fail) is None
        assert attempts.run(stage, "good", lambda answer=answer: answer) == answer
    assert tried == ["bad"]
    assert attempts.failures == {"bad": "by nothing"}
    assert told.getvalue() == "bad failed: by nothing\n"
    assert attempts.progress.seconds_left() == 0


def test_what_is_warned_of_is_told_once_with_who_did():
    attempts, _ = attempts_of("a", "b")

    def work(*kinds):
        for kind in kinds:
            text = "odd rows" if kind is UserWarning else "fine"
            warnings.warn(text, kind, stacklevel=2)

    attempts.run("fitting", "a", lambda: work(UserWarning, ConvergenceWarning))
    kinds = UserWarning, UserWarning, DeprecationWarning
    attempts.run("fitting", "b", lambda: work(*kinds))
    assert attempts.remarks() == ["a, b: odd rows"]


def test_only_time_of_their_own_counts():
    attempts, _ = attempts_of("a")
    attempts.run("fitting", "a", lambda: 1, timed=False)
    assert attempts.seconds["a"] == 0
    attempts.run("fitting", "a", lambda: 1)
    assert attempts.seconds["a"] > 0
