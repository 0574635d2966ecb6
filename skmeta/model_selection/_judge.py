"""Judge estimators: name them, fit them on training tasks, score them on the others."""

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.model_selection import GroupKFold
from sklearn.utils import _safe_indexing, check_consistent_length
from tqdm.auto import tqdm

from skmeta.episodes.rounds import draw_rounds
from skmeta.model_selection._inspect import (
    adapts,
    fit_on_tasks,
    is_fitted,
    label_space_of,
    support_of,
)
from skmeta.model_selection._metrics import Metric
from skmeta.model_selection._per_task import PerTask
from skmeta.model_selection._splitters import TaskSplit
from skmeta.model_selection._strategy import Strategy
from skmeta.model_selection._task_scores import (
    TaskScorer,
    check_options,
    warn_of_undefined,
)
from skmeta.pipelines import last_step, to_send
from skmeta.tables.groups import encode_groups
from skmeta.tables.labels import warn_of_unknown
from skmeta.tables.meta_dataset.dataset import unpack
from skmeta.tables.targets import one_or_several
from skmeta.tables.unlabelled import known_targets, missing_targets
from skmeta.utils.messages import count, warn
from skmeta.utils.parallel import call_all, is_sequential
from skmeta.utils.sending import Sent
from skmeta.utils.unique import find

__all__ = ["average_repeats", "judge", "name_all"]

COLUMNS = ["estimator", "shots", "task", "repeat", "score"]


def name_all(estimators: Any) -> dict[str, Any]:
    """Name estimators by what they are, where they come without names."""
    if isinstance(estimators, Mapping):
        named = dict(estimators)
    else:
        if not isinstance(estimators, (list, tuple)):
            estimators = [estimators]
        named = {}
        for estimator in estimators:
            name, count = _name(estimator), 2
            while name in named:
                name, count = f"{_name(estimator)} {count}", count + 1
            named[name] = estimator
    if not named:
        raise ValueError("There is no estimator to judge.")
    for estimator in named.values():
        if not (hasattr(estimator, "fit") and hasattr(estimator, "get_params")):
            hint = ""
            if isinstance(estimator, str):
                hint = f", such as MetaClassifier({estimator!r})"
            raise TypeError(
                f"{estimator!r} is no estimator and cannot be judged. Pass one{hint}."
            )
    kinds = {is_classifier(estimator) for estimator in named.values()}
    if len(kinds) > 1:
        raise ValueError("Classifiers and regressors cannot be judged together.")
    return {
        name: each if adapts(each) else PerTask(each) for name, each in named.items()
    }


def judge(
    estimators: Mapping[str, Any],
    X: Any,
    y: Any,
    groups: Any,
    *,
    shots: Any,
    metric: Any,
    n_repeats: int,
    n_query: int | None,
    test_groups: Any,
    cv: Any,
    random_state: int | None,
    support: str | None = None,
    per_target: bool = False,
    verbose: bool = False,
):
    """Score every estimator on every held-out task, with every number of shots.

    Returns
    -------
    per_task : pandas.DataFrame
        Columns estimator, shots, task, repeat, score; no rows for an estimator without
        a prior at 0 shots; NaN where the metric is undefined. With ``per_target`` a
        column target before the last.
    metric : Metric
        What was measured.
    """
    X, y, groups, in_support = unpack(X, y, groups)
    support = support_of(estimators.values(), support)
    if shots is not None:
        shots = _check_shots(shots)
    elif in_support is None:
        raise ValueError(
            "shots=None takes supports as they are given: pass a MetaDataset that has "
            "in_support, or say how many rows."
        )
    check_options(n_repeats=n_repeats, n_query=n_query, random_state=random_state)
    y = one_or_several(y)
    check_consistent_length(X, y)
    if metric is None:
        classifies = is_classifier(next(iter(estimators.values())))
        metric = "accuracy" if classifies else "r2"
    metric = Metric(metric)
    in_order = support == "first"
    fitted = {name for name, each in estimators.items() if is_fitted(each)}
    train_needed = any(
        name not in fitted and _needs_tasks(each) for name, each in estimators.items()
    )
    splits = _splits(y, groups, test_groups, cv, random_state, train_needed)
    missing = missing_targets(y)
    sides = [
        _side(train, test, y, missing, train_needed, in_order) for train, test in splits
    ]
    table = Sent((X, y, groups, in_support))
    judged = {name: Sent(to_send(estimators[name])) for name in fitted}
    others = [name for name in estimators if name not in fitted]
    unknown: Any = np.empty(0, dtype=y.dtype)
    parts: list[Any] = []
    # Side by side, all splits are fitted to at once; else one waits for no other.
    for some in [[each] for each in sides] if is_sequential() else [sides]:
        calls = [(estimators[name], table, each) for each, _ in some for name in others]
        fits = iter(call_all(_fit, calls))
        asked: list[tuple[tuple, tuple]] = []
        for _, test in some:
            new = {name: Sent(next(fits)) for name in others}
            ready = {name: (judged | new)[name] for name in estimators}
            whole = {name: each.open() for name, each in ready.items()}
            space = _common_label_space(whole, y, groups)
            scorer, rounds = _new_tasks(
                (X, y, groups, in_support),
                test,
                missing,
                space,
                per_target,
                rng=np.random.default_rng(random_state),
                n_repeats=1 if in_order else n_repeats,  # there is but one
                support=support,
            )
            asked += _questions(ready, scorer, metric, shots, rounds, n_query)
        for told, scores, strange in _answers(asked, verbose):
            unknown = np.union1d(unknown, strange)
            if scores is not None:
                parts += _rows_of(told, scores, per_target)
    warn_of_unknown(unknown)
    frame = _joined(parts, per_target)
    if shots is None:  # folds whose supports differ in size are one number of shots
        frame["shots"] = frame.shots.max()
    first = frame[frame.estimator == frame.estimator.iloc[0]]
    first = first[first.shots == first.shots.max()]
    warn_of_undefined(metric, first.groupby("task").score.mean().to_numpy())
    return frame, metric


def _side(
    train: np.ndarray,
    test: np.ndarray,
    y: np.ndarray,
    missing: np.ndarray | None,
    train_needed: bool,
    in_order: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Say which rows are known beforehand in a split, and which are of new tasks."""
    if in_order:  # rows stay in their order, whoever splits them
        train, test = np.sort(train), np.sort(test)
    known = train if train_needed else np.arange(len(y))
    if missing is not None:  # nobody can learn from these beforehand
        known = known[~missing[known]]
    return known, test


def _needs_tasks(estimator: Any) -> bool:
    """Tell whether fit learns from tasks, and does not just ask for their labels."""
    return not (isinstance(estimator, PerTask) and estimator.needs_no_tasks)


def _new_tasks(
    rows: tuple[Any, np.ndarray, Any, np.ndarray | None],
    test: np.ndarray,
    missing: np.ndarray | None,
    space: str | None,
    per_target: bool,
    **how: Any,
) -> tuple[TaskScorer, Any]:
    """Return who scores answers to new tasks, and the rounds that are drawn of them."""
    X, y, groups, in_support = rows
    X_test, groups_test = _safe_indexing(X, test), _safe_indexing(groups, test)
    scorer = TaskScorer(X_test, y[test], groups_test, space, by_target=per_target)
    given = None if in_support is None else in_support[test]
    if given is not None and missing is not None:
        given = given[~missing[test]]
    rounds = draw_rounds(
        scorer.task,
        scorer.label,
        n_way=None,
        n_episodes=None,
        in_support=given,
        **how,
    )
    return scorer, rounds


def _answers(
    asked: list[tuple[tuple, tuple]], verbose: bool
) -> Iterator[tuple[tuple, Any, np.ndarray]]:
    """Score what was asked: how it is told of, scores, and labels nobody knows."""
    calls = [call for _, call in asked]
    bar = tqdm(calls, desc="judging", unit="fit", disable=not verbose)
    for (told, _), answer in zip(asked, call_all(_score, bar), strict=True):
        yield told, *answer


def _rows_of(told: tuple, scores: np.ndarray, per_target: bool) -> Iterator[Any]:
    """Make a frame of scores, or one for each target."""
    import pandas as pd

    values = dict(zip(COLUMNS, (*told, scores), strict=True))
    for target, own in enumerate(scores.T if per_target else [scores]):
        of_target = {"target": target} if per_target else {}
        yield pd.DataFrame(values | of_target | {"score": own})


def _joined(parts: list[Any], per_target: bool) -> Any:
    """Put all scores in one frame."""
    import pandas as pd

    if not parts:
        raise ValueError(
            "shots=0 asks for a prior, which none of the estimators has. Ask for 1 or "
            "more."
        )
    columns = [*COLUMNS[:-1], *["target"] * per_target, COLUMNS[-1]]
    return pd.concat(parts, ignore_index=True)[columns]


def _fit(estimator: Any, table: Sent, known: np.ndarray) -> Any:
    """Fit a clone to some of the rows."""
    X, y, groups, in_support = table.open()
    own = known_targets(y[known], np.zeros(len(known), dtype=bool))  # none is missing
    rows = [_safe_indexing(X, known), own, _safe_indexing(groups, known)]
    if in_support is not None:
        rows.append(in_support[known])
    return to_send(fit_on_tasks(estimator, *rows))


def _questions(
    ready: Mapping[str, Sent],
    scorer: TaskScorer,
    metric: Metric,
    shots: Any,
    rounds: Any,
    n_query: int | None,
) -> list[tuple[tuple, tuple]]:
    """List what is asked of every estimator: how it is told of, and the call."""
    judging = Sent((scorer, metric))
    asked: list[tuple[tuple, tuple]] = []
    for repeat, whole in enumerate(rounds):
        drawn = _large_enough(whole, 1 if shots is None else max(shots), scorer)
        sizes = (int(drawn.n_given.max()),) if shots is None else shots
        query = drawn.query(max(sizes), n_query)  # the same for every number of shots
        question = Sent((drawn, query))
        names = scorer.names[drawn.task]
        for name, estimator in ready.items():
            for n_shot in sizes:
                told = (name, n_shot, names, repeat)
                asked.append((told, (estimator, judging, question, n_shot)))
    return asked


def _score(
    estimator: Sent, judging: Sent, question: Sent, n_shot: int
) -> tuple[Any, np.ndarray]:
    """Score one round; also return the labels that are unknown to the estimator."""
    (scorer, metric), (drawn, query) = judging.open(), question.open()
    scorer = copy.copy(scorer)  # calls that threads make at a time share what is sent
    scores = scorer.scores(estimator.open(), metric, drawn, n_shot, query)
    return scores, scorer.unknown_labels()


def _large_enough(drawn, most: int, scorer: TaskScorer):
    """Keep the tasks that can give all shots, the same for every number of them."""
    kept = drawn.n_able >= most
    if scorer.label_space == "per_task":  # with two classes, or there is no question
        cells = np.unique(
            np.column_stack([drawn.episode, scorer.label[drawn.row]])[kept], axis=0
        )
        n_cells = np.bincount(cells[:, 0], minlength=len(drawn.task))
        kept &= n_cells[drawn.episode] >= 2
    n_left = len(np.unique(drawn.episode[kept]))
    n_tasks = len(drawn.task)
    if n_left == 0 and drawn.n_given is not None:
        raise ValueError(
            f"No task is given {most} rows of support and a query. Lower shots, or set "
            "shots=None to take the supports as they are."
        )
    if n_left == 0:
        half = int(np.median(drawn.size)) - 1
        raise ValueError(
            f"No task has rows for {most} shots and a query. Lower shots: half of the "
            f"rows are in tasks (or classes of them) that could give {half}."
        )
    if n_left < n_tasks and drawn.n_given is not None:
        warn(
            f"{n_tasks - n_left} of {n_tasks} tasks are left out: they are given no "
            f"query, or less than {count(most, 'row')} of support.",
        )
    elif n_left < n_tasks:
        warn(
            f"{n_tasks - n_left} of {n_tasks} tasks have too few rows for {most} shots "
            "and a query, and are left out. Lower the largest of shots to keep them.",
        )
    return drawn.only(kept)


def _check_shots(shots) -> tuple[int, ...]:
    is_many = isinstance(shots, Iterable) and not isinstance(shots, str)
    shots = tuple(shots) if is_many else (shots,)
    whole = all(isinstance(shot, (int, np.integer)) and shot >= 0 for shot in shots)
    if not shots or not whole:
        raise ValueError(f"shots must be whole numbers from 0 on, not {shots!r}.")
    return tuple(sorted({int(shot) for shot in shots}))


def _splits(y, groups, test_groups, cv, random_state, train_needed):
    if groups is None:
        raise ValueError("groups says which task each row is of: pass it.")
    names, task = encode_groups(groups, y)
    if test_groups is not None:
        if cv is not None:
            raise ValueError("Give test_groups or cv, not both.")
        if np.ndim(test_groups) != 1 or not len(test_groups):
            raise ValueError(
                "test_groups lists the groups to judge on, such as [3, 5], not "
                f"{test_groups!r}."
            )
        asked = encode_groups(test_groups, test_groups)[0]
        place, known = find(asked, names)
        if not known.all():
            unknown = asked[~known].tolist()
            raise ValueError(f"test_groups holds unknown groups: {unknown}.")
        test = np.isin(task, place)
        return [(np.flatnonzero(~test), np.flatnonzero(test))]
    if not train_needed and cv is None:
        return [(np.empty(0, dtype=np.intp), np.arange(len(y)))]
    if cv is None:
        cv = TaskSplit(random_state=random_state)
    elif isinstance(cv, (int, np.integer)):
        cv = GroupKFold(cv, shuffle=True, random_state=random_state)
    elif isinstance(cv, str) or not (hasattr(cv, "split") or isinstance(cv, Iterable)):
        raise ValueError(f"cv must be a number, a splitter or splits, not {cv!r}.")
    splits = list(cv.split(np.zeros(len(y)), y, groups)) if hasattr(cv, "split") else cv
    splits = list(splits)
    for train, test in splits:
        both = np.intersect1d(task[train], task[test])
        if len(both):
            raise ValueError(
                f"cv puts rows of {len(both)} tasks on both sides, such as "
                f"{names[both[0]]!r}. Use GroupKFold or TaskSplit."
            )
    return splits


def _common_label_space(ready, y, groups) -> str | None:
    """Go by what a meta-learner has learnt, if there is any."""
    spaces = {
        label_space_of(each, y, groups): name
        for name, each in ready.items()
        if not isinstance(last_step(each), Strategy)  # they follow
    }
    if len(spaces) > 1:
        raise ValueError(
            "Meta-learners with shared labels and with labels per task cannot be "
            f"judged together: {spaces}."
        )
    if spaces:
        return next(iter(spaces))
    return label_space_of(next(iter(ready.values())), y, groups)


def _name(estimator: Any) -> str:
    estimator = getattr(estimator, "best_estimator_", estimator)
    last = last_step(estimator)
    algorithm = getattr(last, "algorithm", None)
    if isinstance(algorithm, str):
        return algorithm
    if algorithm is not None:
        return type(algorithm).__name__
    inner = getattr(last, "estimator", None)
    name = type(last).__name__
    return name if inner is None else f"{name}({type(last_step(inner)).__name__})"


def average_repeats(frame):
    """Average the splits of each task, without those that are undefined."""
    return (
        frame.groupby(["estimator", "shots", "task"], sort=False)
        .score.mean()
        .reset_index()
    )
