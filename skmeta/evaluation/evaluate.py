"""The whole evaluation: read, learn, judge, say, save."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import get_scorer, get_scorer_names

from skmeta.evaluation.card import write_card
from skmeta.evaluation.comparison import compare_learners
from skmeta.evaluation.console import describe_problem, print_result
from skmeta.evaluation.findings import Stopped
from skmeta.evaluation.learners import check_algorithms, check_plain
from skmeta.evaluation.problem import Problem, make_problem
from skmeta.evaluation.result import Evaluation
from skmeta.evaluation.shots import note_on_shots
from skmeta.evaluation.table_file import InputError, closest, read_table, table_of
from skmeta.tables.meta_dataset import MetaDataset
from skmeta.tables.targets import as_columns
from skmeta.utils.counts import is_count
from skmeta.utils.random import generator

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["evaluate"]

_METRICS = {
    "classification": "accuracy",
    "regression": "neg_mean_absolute_error",
}


def evaluate(
    table: str | Path | MetaDataset | Any,
    *,
    target: str | Sequence[str] = "target",
    groups: str = "task",
    shots: Sequence[int] = (1, 5, 10),
    algorithms: Sequence[str] | None = None,
    plain: Sequence[str] | None = None,
    task: str | None = None,
    metric: str | None = None,
    drop: Sequence[str] = (),
    out: str | Path | None = "report",
    max_epochs: int | None = None,
    random_state: int | None = 0,
    time: str | None = None,
    support: str | None = None,
    in_support: str | None = None,
    keep: Sequence[str] = (),
    sep: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    n_jobs: int | None = None,
    command: str = "",
) -> Evaluation:
    """Tell whether meta-learning helps with a table, and write a report.

    Parameters
    ----------
    table : str, Path, DataFrame or MetaDataset
        CSV or Parquet file; a DataFrame of pandas or polars, or an Arrow table; or the
        tasks themselves, with the supports that they give, whose columns are those of
        :func:`skmeta.evaluation.table_of`.
    target : str or sequence of str, default="target"
        Column with the target; or several, all of numbers, or all of two classes each,
        which every learner learns together. Scores are means over them, of errors in
        units of each target's standard deviation.
    groups : str, default="task"
        Column with the task of each row.
    shots : sequence of int, default=(1, 5, 10)
        Labelled rows seen of a new task.
    algorithms : sequence of str, default=None
        Names of meta-learning algorithms, or "stack" for several learners together;
        None for a few that suit.
    plain : sequence of str, default=None
        Names of plain ways, as :func:`skmeta.model_selection.plain_ways` has them; None
        for all that suit and are installed.
    task : {"classification", "regression"}, default=None
        Kind of target; None finds out.
    metric : str, default=None
        Name of a scikit-learn scorer; None is accuracy or the mean absolute error.
    drop : sequence of str, default=()
        Columns not to learn from.
    out : str, Path or None, default="report"
        Folder for ``report.html``, ``scores.csv`` (and ``scores_by_target.csv``, if
        there are several), ``model.joblib`` (the recommended
        learner behind the preprocessing, as a Pipeline), ``model_card.md`` about it
        and, where that is a meta-learner, ``model.skmeta`` (its weights alone); made
        if it is not there. None writes nothing.
    max_epochs : int, default=None
        Most epochs of meta-training; None for what each algorithm recommends.
    random_state : int or None, default=0
        Seed.
    time : str, default=None
        Column of dates or numbers that rows are sorted by, so that the first rows of a
        task are known and later ones asked. It stays among those that are learnt from,
        unless it is dropped.
    support : {"random", "first"}, default=None
        Which rows of a task are known first; None is "first" where there is ``time``,
        else "random".
    in_support : str, default=None
        Column that is true for the rows that are given as support, false for those to
        ask.
    keep : sequence of str, default=()
        Columns to learn from although they seem to number or name the rows.
    sep, decimal, encoding : str, default=None
        How a CSV file is written; None finds out.
    n_jobs : int, default=None
        Processes that judge side by side; None is one, or as many as a
        ``joblib.parallel_config`` says.
    command : str, default=""
        Command line to show in the report.

    Returns
    -------
    Evaluation
        What was found. It shows itself in a notebook; ``report(path)`` writes the
        report, ``best_estimator_`` is the recommended learner as a Pipeline, and
        ``scores_`` has every score.

    Raises
    ------
    InputError
        If the table or the options do not allow it; the message says what to do.
    Stopped
        By Ctrl-C, a KeyboardInterrupt: what was judged is in the folder, and in its
        ``scores`` and ``result``.
    """
    shots = sorted(set(shots))
    _check_options(groups, shots, task, metric, random_state, n_jobs)
    folder = None if out is None else _check_folder(Path(out))
    if isinstance(table, MetaDataset):
        target, in_support = _columns_of(table, target, in_support)
    if not isinstance(target, str):
        target = target[0] if len(target) == 1 else [*target]
    options: dict[str, Any] = {
        "target": target,
        "groups": groups,
        "drop": list(drop) or None,
        "task": task,
        "fewest_rows": max(shots) + 1,
        "random_state": random_state,
        "time": time,
        "support": support,
        "in_support": in_support,
        "keep": list(keep) or None,
    }
    reading: dict[str, Any] = {"sep": sep, "decimal": decimal, "encoding": encoding}
    reading |= {"target": target, "groups": groups}
    frame, source = _read(table, reading)
    problem = make_problem(frame, **options)
    names, ways = check_algorithms(algorithms, problem), check_plain(plain, problem)
    _check_metric(metric, problem)
    _check_shots(shots, problem)
    if folder is not None:  # before the work, not after it
        _make(folder)
    print(describe_problem(problem, Path(source).name), flush=True)
    try:
        with joblib.parallel_config(**{} if n_jobs is None else {"n_jobs": n_jobs}):
            found = compare_learners(
                problem,
                names,
                plain=ways,
                shots=shots,
                metric=metric or _METRICS[problem.kind],
                max_epochs=max_epochs,
                random_state=random_state,
            )
    except Stopped as stop:
        if folder is not None and stop.scores is not None:
            stop.scores.to_csv(folder / "scores.csv", index=False)
            print(f"stopped; what was judged is in {folder / 'scores.csv'}")
        raise
    result = Evaluation.of(found)
    result.options, result.reading = options, reading
    result.source, result.command = source, command
    print_result(result, None if folder is None else _save(result, folder))
    if result.stopped:
        raise Stopped(result.scores_, result)
    return result


def _columns_of(
    tasks: MetaDataset, target: str | Sequence[str], in_support: str | None
) -> tuple[str | Sequence[str], str | None]:
    """Name the targets and the support of tasks as :func:`table_of` names them."""
    if tasks.y.ndim == 2 and target == "target":
        target = [f"target{place}" for place in range(tasks.y.shape[1])]
    if tasks.in_support is not None:
        in_support = in_support or "in_support"
    return target, in_support


def _read(table: Any, reading: dict[str, Any]) -> tuple[DataFrame, str]:
    """Return the table, and what it was read from."""
    if isinstance(table, MetaDataset):
        return table_of(table), "a MetaDataset"
    is_path = isinstance(table, (str, Path))
    return read_table(table, **reading), str(table) if is_path else "a DataFrame"


def _check_folder(out: Path) -> Path:
    if out.exists() and not out.is_dir():
        raise InputError(f"{str(out)!r} is a file; --out names a folder.")
    return out


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"Cannot make the folder {str(folder)!r}: {error}") from error


def _check_options(
    groups: Any,
    shots: Sequence[Any],
    task: str | None,
    metric: str | None,
    random_state: Any,
    n_jobs: int | None,
) -> None:
    """Refuse what somebody farther in would, in words of his own."""
    if not isinstance(groups, str):
        raise InputError(f"groups names one column, and is {groups!r}.")
    if not shots or not all(map(is_count, shots)):
        raise InputError(f"shots are whole numbers from 0 on, not {shots}.")
    if task not in (None, "classification", "regression"):
        raise InputError(f"task is 'classification' or 'regression', not {task!r}.")
    if n_jobs == 0:
        raise InputError("n_jobs is a number of processes, not 0; -1 is all cores.")
    if metric is not None and metric not in get_scorer_names():
        near = closest(metric, get_scorer_names())
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise InputError(f"scikit-learn has no scorer {metric!r}.{hint}")
    try:
        generator(random_state)
    except ValueError as error:
        raise InputError(str(error)) from error


def _save(result: Evaluation, out: Path) -> Path:
    """Write report, scores, model and card; return where the report is."""
    result.saved = str(out / "model.joblib")
    joblib.dump(result.best_estimator_, result.saved)
    learner = result.fitted[result.recommended]
    if hasattr(learner, "save"):  # a meta-learner: its weights, free of any code
        learner.save(out / "model.skmeta")
    result.scores_.to_csv(out / "scores.csv", index=False)
    if result.target_scores_ is not None:
        result.target_scores_.to_csv(out / "scores_by_target.csv", index=False)
    write_card(result, out / "model_card.md")
    return result.report(out / "report.html")


def _check_shots(shots: Sequence[int], problem: Problem) -> None:
    """Refuse shots that a problem cannot have, and note those that few tasks have."""
    if problem.label_space == "per_task" and min(shots) < 1:
        raise InputError(
            "Labels are names inside a task here, so nothing can be answered before "
            "the first row: leave 0 out of --shots."
        )
    if (note := note_on_shots(problem, shots)) is not None:
        problem.notes.append(note)


def _check_metric(metric: str | None, problem: Problem) -> None:
    """Try the metric on an answer that needs no learning, before any of the work."""
    if metric is None:
        return
    plain = DummyRegressor()
    if problem.is_classification:
        plain = DummyClassifier(strategy="prior")
    rows = np.zeros((len(problem.y), 1))
    try:
        for y in as_columns(problem.y).T:
            get_scorer(metric)(plain.fit(rows, y), rows, y)
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{metric!r} cannot judge {problem.target!r}, which is taken for "
            f"{problem.kind}: {error}"
        ) from error
