"""What ``evaluate`` finds out about a table of the benchmark, as it is kept."""

import io
import warnings
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from time import process_time

import _grouped
import numpy as np
import pandas as pd
import torch
from threadpoolctl import threadpool_limits

from skmeta.datasets import load_movielens
from skmeta.evaluation.comparison import compare_learners
from skmeta.evaluation.learners import check_algorithms, check_plain
from skmeta.evaluation.problem import make_problem
from skmeta.model_selection import plain_ways

MOVIELENS = "movielens"
NAMES = (*_grouped.TABLES, MOVIELENS)
# What ``evaluate`` does where nothing else is asked for; and rows where tasks are small
SHOTS, FEWER_SHOTS = (1, 5, 10), (1, 3, 5)
METRICS = {
    "classification": "accuracy",
    "regression": "neg_mean_absolute_error",
}
SEED = 0
SHOWN = 4  # significant digits that are kept


def load_problem(name):
    """Return what is to be learnt, as ``evaluate`` makes it of a file, and the shots.

    Shots are fewer where less than half of the tasks have a row to ask beyond the
    tenth. The new tasks are drawn as ``evaluate`` draws them, but for MovieLens: its
    features tell what users to learn from say of a film, and so depend on who is new.
    """
    if name == MOVIELENS:
        kind, frame, is_new = _read_movielens()
    else:
        table = _grouped.load(name)
        kind, is_new = table.kind, None
        columns = [f"x{i}" for i in range(table.X.shape[1])]
        frame = pd.DataFrame(table.X, columns=columns)
        frame = frame.assign(target=table.y, task=table.groups)
    n_rows = frame.groupby("task").size()
    many = (n_rows > max(SHOTS)).mean() >= 0.5
    shots = list(SHOTS if many else FEWER_SHOTS)
    problem = make_problem(
        frame,
        target="target",
        groups="task",
        task="classification" if kind == "classifier" else "regression",
        fewest_rows=max(shots) + 1,
        random_state=SEED,
    )
    return (problem if is_new is None else replace(problem, in_test=is_new)), shots


def _read_movielens():
    """Return at most 60 ratings of each user, and which rows are of new users."""
    data = load_movielens(random_state=SEED)
    parts = [
        own[0].assign(target=own[1].to_numpy(), task=own[2].to_numpy(), new=is_new)
        for own, is_new in (
            ((data.X_train, data.y_train, data.groups_train), False),
            ((data.X_test, data.y_test, data.groups_test), True),
        )
    ]
    frame = pd.concat(parts, ignore_index=True)
    task = np.unique(frame["task"], return_inverse=True)[1]
    ranks = _grouped.shuffled_ranks(task, np.random.default_rng(SEED))
    frame = frame[ranks < _grouped.MAX_ROWS].reset_index(drop=True)
    return "classifier", frame.drop(columns="new"), frame["new"].to_numpy()


def measure(name, rivals=False, without=(), algorithms=None):
    """Let all learn a table, and return the verdict with what is behind it.

    Everything runs in one thread, and minutes are of processor time. ``without`` names
    plain ways that are left out, ``algorithms`` meta-learners in place of the usual.
    """
    problem, shots = load_problem(name)
    kind = "classifier" if problem.is_classification else "regressor"
    allowed = plain_ways(kind, rivals="installed" if rivals else False)
    plain = [
        way
        for way in check_plain(None, problem)
        if way in allowed and way not in without
    ]
    start, n_threads = process_time(), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with (
            threadpool_limits(1),
            warnings.catch_warnings(),
            redirect_stdout(io.StringIO()),  # learners tell of every epoch
            redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            result = compare_learners(
                problem,
                check_algorithms(algorithms, problem),
                plain=plain,
                shots=shots,
                metric=METRICS[problem.kind],
                max_epochs=None,
                random_state=SEED,
            )
    finally:
        torch.set_num_threads(n_threads)
    return _record(result) | {
        "left out": list(without),
        "minutes": _short((process_time() - start) / 60),
    }


def _record(result):
    """Return a verdict as it is kept: plus is better wherever scores differ."""
    problem, duel, choice = result.problem, result.verdict.duel, result.choice
    at = result.curve[result.curve["shots"] == duel.shots]
    n_tasks = len(np.unique(problem.groups))
    n_new = len(np.unique(problem.test[2]))
    return {
        "kind": problem.kind,
        "rows": len(problem.y),
        "tasks": n_tasks - n_new,
        "new tasks": n_new,
        "shots": duel.shots,
        "metric": result.metric.name,
        "algorithms": result.meta,
        "plain": result.plain,
        "chosen by": {name: _short(score) for name, score in choice.scores.items()},
        "chosen": duel.meta,
        "chosen plain": duel.plain,
        "outcome": duel.outcome,
        "p": _short(duel.p_value),
        "score": _short(duel.meta_scores.mean()),
        "score of plain": _short(duel.plain_scores.mean()),
        "half width": _short(duel.half_width),
        "gains": [_short(gain, 8) for gain in duel.gains],
        "scores": {
            row.estimator: _short(row.score)
            for row in at.sort_values("score", ascending=False).itertuples()
        },
        "others": {
            row.estimator: {"gain": _short(row.difference), "holm": _short(row.p_holm)}
            for row in result.others.itertuples()
        },
        "other shots": {
            str(each.shots): {"gain": _short(each.gain), "p": _short(each.p_value)}
            for each in result.verdict.duels
            if each.shots != duel.shots
        },
        "failures": result.failures,
    }


def _short(number, digits=SHOWN):
    return float(f"{number:.{digits}g}")
