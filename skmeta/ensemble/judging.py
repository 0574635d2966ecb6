"""Fit members on some of the tasks, and ask them about the others."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import _safe_indexing

from skmeta.ensemble.held_out import Questions, ask, ask_unknown, simulate
from skmeta.ensemble.members import fit_member
from skmeta.ensemble.weights import HeldOutAnswers
from skmeta.tables.rows import TaskRows
from skmeta.utils.messages import (
    Said,
    collected,
    listed,
    say_once,
    silenced,
    warn,
)
from skmeta.utils.parallel import call_all
from skmeta.utils.sending import Sent

__all__ = ["Judged", "fit_all", "judge", "warn_of_failures", "with_neighbours"]


class Judged(NamedTuple):
    """What members have answered to tasks that were left out, for one support size."""

    size: int
    members: list[str]  # who has an answer
    answers: list[HeldOutAnswers]  # of each target
    # How unknown rows look to those who reject some, all of them being known.
    unknown: Mapping[str, np.ndarray] = MappingProxyType({})


def judge(
    members: Mapping[str, Any],
    rows: TaskRows,
    splits: Iterable[tuple[np.ndarray, np.ndarray]],
    sizes: np.ndarray,
    classes: np.ndarray | None,
    label_space: str | None,
    rng: np.random.Generator,
    failures: dict[str, Exception],
    support: str = "random",
    declared: np.ndarray | None = None,
    keep: bool = True,
) -> tuple[list[Judged], list[dict[str, Any]]]:
    """Fit members on some tasks and ask them about the others.

    Parameters
    ----------
    members : dict of str to estimator
        Not fitted.
    rows : TaskRows
        Rows of all tasks.
    splits : iterable of (train, test)
        Row numbers.
    sizes : int ndarray of shape (n_sizes,)
        Numbers of support rows to ask with.
    classes : ndarray of shape (n_classes,) or None
        All labels; None in regression.
    label_space : {"shared", "per_task"} or None
        None in regression.
    rng : numpy.random.Generator
        Draws supports.
    failures : dict of str to Exception
        Who fails is entered here and left out.
    support : {"random", "first"}, default="random"
        Which rows of a task are known first.
    declared : ndarray of shape (n_classes,), default=None
        The labels, if ``fit`` was told them beforehand.
    keep : bool, default=True
        Whether the fits are needed afterwards.

    Returns
    -------
    judged : list of Judged
        One for each size that tasks are large enough for.
    fitted : list of dict of str to estimator
        The members of each split; empty where they are not kept.
    """
    table = Sent(rows)
    asked: list[tuple[int, Questions]] = []
    calls: list[tuple] = []
    for place, (train, test) in enumerate(splits):
        # Rows stay in their order, whoever splits them.
        known, own = map(np.sort if support == "first" else np.asarray, (train, test))
        left_out = _part(rows, own)
        if label_space == "shared" and rows.y.ndim == 1:
            # Of a label that was never seen none knows.
            left_out = left_out.take(np.isin(left_out.y, rows.y[known]))
        try:
            questions = simulate(
                left_out, sizes, classes, label_space, rng, support=support
            )
        except ValueError:
            continue  # these tasks are too small to judge on
        asked.append((place, questions))
        sent = Sent(questions)
        calls += [
            (name, member, table, known, label_space, declared, sent, keep)
            for name, member in members.items()
        ]
    done = iter(call_all(_fit_and_ask, calls))
    found: dict[int, list[Any]] = defaultdict(list)
    told: dict[str, Said] = {}
    fitted: list[dict[str, Any]] = []
    for place, questions in asked:
        fits, answers, shares = {}, {}, {}
        for name in members:
            (member, answer, share, error), told[f"{name}/{place}"] = next(done)
            if error is not None:
                failures.setdefault(name, error)
            if member is not None:
                fits[name] = member
            if answer is not None:
                answers[name] = answer
            if share is not None:
                shares[name] = share
        if keep:
            fitted.append(fits)
        query = questions.query
        weight = np.ones(len(query)) if query.weight is None else query.weight
        size_of_row = questions.size[query.task]
        for size in np.unique(size_of_row).tolist():
            of_size = size_of_row == size
            answered = {name: each[of_size] for name, each in answers.items()}
            task = questions.original[of_size] + place * rows.n_tasks
            unknown = {name: each[of_size] for name, each in shares.items()}
            found[size].append((answered, task, weight[of_size], unknown))
    if keep:  # else the fit on all tasks says it again
        say_once(told)
    names = [name for name in members if name not in failures]
    several = rows.y.ndim == 2
    joined = [_join(size, names, found[size], several) for size in sorted(found)]
    return [each for each in joined if each.members], fitted


def _fit_and_ask(
    name: str,
    member: Any,
    table: Sent,
    known: np.ndarray,
    label_space: str | None,
    declared: np.ndarray | None,
    sent: Sent,
    keep: bool,
) -> tuple[tuple[Any, np.ndarray | None, np.ndarray | None, Exception | None], Said]:
    """Return a member's fit to some rows, what it says of others, or what failed.

    And what the fit warns of.
    """
    fit, told = None, []
    try:
        with silenced():
            with collected() as told:
                part = _part(table.open(), known)
                fit = fit_member(member, part, label_space, declared)
            questions = sent.open()
            said = ask(name, fit, questions), ask_unknown(name, fit, questions)
            return (fit if keep else None, *said, None), told
    except Exception as error:  # of any library
        return (fit if keep else None, None, None, error), told


def with_neighbours(judged: list[Judged]) -> list[Judged]:
    """Let every size be judged by the sizes beside it, too.

    Weights that are learnt from the same few tasks again and again are less a matter of
    chance. What is answered without any row stays by itself.
    """
    together = []
    for place, own in enumerate(judged):
        beside = [each for each in judged[max(place - 1, 0) : place + 2] if each.size]
        beside = [each for each in beside if each.members == own.members]
        if not own.size:
            beside = [own]
        by_target = zip(*(each.answers for each in beside), strict=True)
        together.append(own._replace(answers=[_one(parts) for parts in by_target]))
    return together


def _one(parts: Iterable[HeldOutAnswers]) -> HeldOutAnswers:
    """Put answers to several sizes together."""
    fields = zip(*(vars(each).values() for each in parts), strict=True)
    return HeldOutAnswers(*map(np.concatenate, fields))


def _join(size: int, names: list[str], parts: list[Any], several: bool) -> Judged:
    """Put the answers to one size of all splits together."""
    answers, task, weight, told = zip(*parts, strict=True)
    whole = {name: np.concatenate([each[name] for each in answers]) for name in names}
    whole = {name: each for name, each in whole.items() if not np.isnan(each).any()}
    columns = np.stack([*whole.values()], axis=1) if whole else np.empty((0, 0))
    about = np.concatenate(task), np.concatenate(weight)
    by_target = np.moveaxis(columns, 2, 0) if several else [columns]
    answers_of = [HeldOutAnswers(own, *about) for own in by_target]
    telling = [name for name in names if all(name in each for each in told)]
    unknown = {name: np.concatenate([each[name] for each in told]) for name in telling}
    unknown = {name: each for name, each in unknown.items() if not np.isnan(each).any()}
    return Judged(size, [*whole], answers_of, unknown)


def fit_all(
    members: Mapping[str, Any],
    rows: TaskRows,
    label_space: str | None,
    failures: dict[str, Exception],
    declared: np.ndarray | None = None,
) -> dict[str, Any]:
    """Fit members on tasks; who fails is entered in ``failures`` and left out."""
    table = Sent(rows)
    calls = [(member, table, label_space, declared) for member in members.values()]
    fitted, told = {}, {}
    done = call_all(_fit_whole, calls)
    for name, (fit, error, said) in zip(members, done, strict=True):
        told[name] = said
        if error is not None:
            failures[name] = error
        else:
            fitted[name] = fit
    say_once(told)
    return fitted


def _fit_whole(
    member: Any, table: Sent, label_space: str | None, declared: np.ndarray | None
) -> tuple[Any, Exception | None, Said]:
    with collected() as said:
        try:
            fit = fit_member(member, table.open(), label_space, declared)
            return fit, None, said
        except Exception as error:  # of any library
            return None, error, said


def warn_of_failures(
    failures: Mapping[str, Exception], members: Mapping[str, Any]
) -> None:
    """Say which members are left out and why.

    Raises
    ------
    ValueError
        If none is left.
    """
    if not failures:
        return
    said = [
        f"{name!r} ({str(failures[name]) or type(failures[name]).__name__})"
        for name in members
        if name in failures
    ]
    n_members = len(members)
    if len(failures) == n_members:
        first = next(iter(failures.values()))
        raise ValueError(f"No member can be fitted: {listed(said)}.") from first
    warn(
        f"{len(failures)} of {n_members} members cannot learn these tasks and are left "
        f"out: {listed(said)}."
    )


def _part(rows: TaskRows, chosen: np.ndarray) -> TaskRows:
    """Take some tasks, by the numbers of their rows."""
    names, task = np.unique(rows.task[chosen], return_inverse=True)
    return TaskRows(
        _safe_indexing(rows.X, chosen),
        rows.y[chosen],
        task,
        names,
        None if rows.weight is None else rows.weight[chosen],
        None if rows.in_support is None else rows.in_support[chosen],
    )
