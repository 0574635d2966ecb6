"""What is to be learnt from a table: rows, target, tasks, and of which kind."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from skmeta.episodes.sampling import check_support
from skmeta.evaluation.cleaning import useless
from skmeta.evaluation.giveaways import giveaways
from skmeta.evaluation.new_tasks import choose_new_tasks
from skmeta.evaluation.rows import usable_rows
from skmeta.evaluation.table_file import InputError, check_columns
from skmeta.evaluation.target_kinds import read_targets
from skmeta.evaluation.targets import names_of
from skmeta.evaluation.time_column import passing_dates
from skmeta.evaluation.unlabelled import useful_in_tasks
from skmeta.tables.groups import encode_groups
from skmeta.tables.labels import infer_label_space
from skmeta.tables.meta_dataset import MetaDataset
from skmeta.tables.targets import as_columns
from skmeta.tables.unlabelled import with_missing
from skmeta.utils.messages import listed

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["Problem", "make_problem"]


@dataclass
class Problem:
    """A table with its target and its tasks, ready to learn from.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_columns)
        Features, as they were read.
    y : ndarray of shape (n_rows,) or (n_rows, n_targets)
        Targets: floats, or whole numbers and strings that name classes. Of several
        targets floats, or 0 and 1 for labels that a row has not and has.
    groups : str ndarray of shape (n_rows,)
        Task of each row.
    kind : {"classification", "regression"}
        Kind of target.
    because : str
        Why it is taken for that kind.
    label_space : {"shared", "per_task"}
        Whether labels mean the same in every task; "shared" in regression.
    targets : list of str
        Names of the columns to predict.
    group_column : str
        Name of the column with the tasks.
    in_test : bool ndarray of shape (n_rows,)
        Rows of the tasks that are kept for judging.
    notes : list of str
        What was left out, and why.
    support : {"random", "first"}, default="random"
        Which rows of a task are known first.
    time : str, default=None
        The column that rows are sorted by.
    in_support : bool ndarray of shape (n_rows,), default=None
        The rows that are given as support.
    reading : dict
        How columns of text were read, for a reader of other rows.
    unlabelled : DataFrame of shape (n_unlabelled, n_columns), default=None
        Features of further rows of these tasks, whose target is missing.
    unlabelled_groups : str ndarray of shape (n_unlabelled,), default=None
        Their tasks.
    """

    X: DataFrame
    y: np.ndarray
    groups: np.ndarray
    kind: str
    because: str
    label_space: str
    targets: list[str]
    group_column: str
    in_test: np.ndarray
    notes: list[str] = field(default_factory=list)
    support: str = "random"
    time: str | None = None
    in_support: np.ndarray | None = None
    reading: dict = field(default_factory=dict)
    unlabelled: DataFrame | None = None
    unlabelled_groups: np.ndarray | None = None

    @property
    def target(self) -> str:
        """Name of the target, or the names of all."""
        return listed(self.targets)

    @property
    def quoted(self) -> str:
        """The same between quotation marks."""
        return listed([f"“{name}”" for name in self.targets])

    @property
    def has_several(self) -> bool:
        """Whether there are several targets."""
        return len(self.targets) > 1

    @property
    def units(self) -> np.ndarray:
        """Standard deviation of each target over the tasks to learn from."""
        spread = np.std(as_columns(self.train[1]), axis=0)
        return np.where(spread > 0, spread, 1.0)

    @property
    def is_classification(self) -> bool:
        """Whether targets are classes."""
        return self.kind == "classification"

    @property
    def train(self) -> tuple[DataFrame, np.ndarray, np.ndarray]:
        """X, y and groups of the tasks to learn from."""
        own = ~self.in_test
        return self.X[own], self.y[own], self.groups[own]

    @property
    def test(self) -> tuple[DataFrame, np.ndarray, np.ndarray]:
        """X, y and groups of the tasks to judge on."""
        return self.X[self.in_test], self.y[self.in_test], self.groups[self.in_test]

    @property
    def n_unlabelled(self) -> int:
        """Rows whose target is missing."""
        return 0 if self.unlabelled is None else len(self.unlabelled)

    def tasks(self, to_numbers: Any, *, test: bool) -> MetaDataset:
        """Return the tasks to learn from or to judge on, unlabelled rows among them.

        Parameters
        ----------
        to_numbers : callable
            Makes numbers of features.
        test : bool
            Whether they are those to judge on.

        Returns
        -------
        MetaDataset
            Rows without a target come after all others, with a missing one.
        """
        X, y, groups = self.test if test else self.train
        given = self.test_support if test else self.train_support
        Z = to_numbers(X)
        own = self._unlabelled_of(groups)
        if own.any():
            assert self.unlabelled is not None
            assert self.unlabelled_groups is not None
            Z = np.concatenate([Z, to_numbers(self.unlabelled[own])])
            groups = np.concatenate([groups, self.unlabelled_groups[own]])
            is_new = np.arange(len(Z)) >= len(y)
            y = with_missing(y, is_new)
            given = None if given is None else np.append(given, is_new[is_new])
        return MetaDataset(Z, y, groups, in_support=given)

    def _unlabelled_of(self, groups: np.ndarray) -> np.ndarray:
        """Tell which of the unlabelled rows are of some tasks."""
        if self.unlabelled_groups is None:
            return np.zeros(0, dtype=bool)
        return np.isin(self.unlabelled_groups, groups)

    @property
    def train_support(self) -> np.ndarray | None:
        """Which rows of the tasks to learn from are given as support."""
        return None if self.in_support is None else self.in_support[~self.in_test]

    @property
    def test_support(self) -> np.ndarray | None:
        """Which rows of the tasks to judge on are given as support."""
        return None if self.in_support is None else self.in_support[self.in_test]

    @property
    def caution(self) -> str:
        """What to doubt of scores: known rows drawn at random where time passes."""
        if self.support == "first" or self.in_support is not None:
            return ""
        dates = passing_dates(self.X, self.groups)
        if not dates:
            return ""
        named = listed([f"“{date}”" for date in dates])
        hold = "holds dates" if len(dates) == 1 else "hold dates"
        return (
            f"The known rows of a task were drawn at random, and {named} "
            f"{hold}. If in use the first rows of a task are known and later ones "
            "asked, and tasks change in time, these scores flatter: judge by --time "
            f"{shlex.quote(dates[0])}."
        )


def make_problem(
    table: DataFrame,
    *,
    target: str | Sequence[str],
    groups: str,
    drop: list[str] | None = None,
    task: str | None = None,
    fewest_rows: int = 2,
    random_state: int | None = 0,
    time: str | None = None,
    support: str | None = None,
    in_support: str | None = None,
    keep: list[str] | None = None,
) -> Problem:
    """Find out what is to be learnt from a table, and keep tasks for judging.

    Parameters
    ----------
    table : DataFrame
        As it was read.
    target : str or sequence of str
        Column with the target, or several, which are learnt together.
    groups : str
        Column with the task of each row.
    drop : list of str, default=None
        Columns that are not to be learnt from.
    task : {"classification", "regression"}, default=None
        Kind of target; None finds out.
    fewest_rows : int, default=2
        Rows that a task needs to be judged on; of each of two classes, where labels
        are names inside a task.
    random_state : int or None, default=0
        Draws the tasks to judge on.
    time : str, default=None
        Column of dates or numbers to sort the rows by. It stays among those that are
        learnt from, unless it is dropped.
    support : {"random", "first"}, default=None
        Which rows of a task are known first; None is "first" where there is ``time``,
        else "random".
    in_support : str, default=None
        Column that is true for the rows that are given as support, false for those to
        ask; it is not learnt from.
    keep : list of str, default=None
        Columns to learn from although they seem to number or name the rows.

    Returns
    -------
    Problem
        With 30 % of the tasks that have enough rows to be judged on; all others are
        to learn from.

    Raises
    ------
    InputError
        If a column is missing, a target does not vary, several are of different kinds,
        or there are too few tasks.
    """
    targets = names_of(target)
    if not targets:
        raise InputError("Name a column to predict as target.")
    roles = [("target", name) for name in targets] + [("groups", groups)]
    roles += [("time", time)] if time is not None else []
    roles += [("support", in_support)] if in_support is not None else []
    named = [*(name for _, name in roles), *(drop or []), *(keep or [])]
    check_columns(table, named)
    _refuse_double_roles(roles)
    if support is None:
        support = "random" if time is None else "first"
    notes = list(table.attrs.get("notes", []))
    empty = useless(table, keep=named)
    notes += [f"{name!r} left out: {why}" for name, why in empty.items()]
    table, is_known, told = usable_rows(table, targets, groups, time)
    notes += told
    names = _as_names(table[groups])
    given = None
    if in_support is not None:
        given = _as_given(table[in_support][is_known])
    are = "is" if len(targets) == 1 else "are"
    more, told = useful_in_tasks(
        names,
        is_known,
        given,
        n_known=fewest_rows - 1 if support == "first" else None,
        missing=f"{listed([repr(name) for name in targets])} {are} missing",
    )
    notes += told
    left_out = {*targets, groups, in_support, *(drop or []), *empty}
    X = table[[name for name in table.columns if name not in left_out]]
    if not X.shape[1]:
        raise InputError("No column is left to learn from.")
    unlabelled = X[more].reset_index(drop=True) if more.any() else None
    unlabelled_names = names[more] if more.any() else None
    X, table, names = X[is_known], table[is_known], names[is_known]
    kind, because, y, told = read_targets(table[targets], task)
    notes += told + _notes_on_giveaways(X, y, targets, kind)
    label_space = "shared"
    if kind == "classification" and len(targets) == 1:
        label_space = infer_label_space(y, encode_groups(names, X)[1])
    in_test = choose_new_tasks(
        names, y, label_space, groups, fewest_rows, random_state, given
    )
    return Problem(
        X.reset_index(drop=True),
        y,
        names,
        kind,
        because,
        label_space,
        targets=targets,
        group_column=groups,
        in_test=in_test,
        notes=notes,
        support=check_support(support),
        time=time,
        in_support=given,
        reading=table.attrs.get("reading", {}),
        unlabelled=unlabelled,
        unlabelled_groups=unlabelled_names,
    )


def _notes_on_giveaways(
    X: DataFrame, y: np.ndarray, targets: list[str], kind: str
) -> list[str]:
    """Point out columns that tell a target almost perfectly."""
    return [
        f"{knows!r} alone tells {name!r} almost perfectly: --drop it if it is not "
        "known before"
        for name, own in zip(targets, as_columns(y).T, strict=True)
        for knows in giveaways(X, own, kind)
    ]


def _refuse_double_roles(columns: list[tuple[str, str]]) -> None:
    """Refuse a column that is to be two things at once."""
    for (one, name), (other, same) in combinations(columns, 2):
        if name == same and one == other:
            raise InputError(f"{name!r} is named twice as a {one}.")
        if name == same:
            raise InputError(f"{name!r} cannot be both the {one} and the {other}.")


def _as_given(column: Series) -> np.ndarray:
    """Read which rows are support: true and false, or 1 and 0."""
    values = set(column.dropna().unique())
    if column.isna().any() or not values <= {True, False}:
        holds = "gaps" if column.isna().any() else listed(sorted(map(str, values))[:5])
        raise InputError(
            f"{column.name!r} must say true or false of every row, whether it is given "
            f"as support; it holds {holds}."
        )
    return column.to_numpy(dtype=bool)


def _as_names(column: Series) -> np.ndarray:
    """Name tasks by strings, whole numbers without a decimal point."""
    if column.dtype.kind == "f" and (column == column.round()).all():
        column = column.astype("int64")
    return column.astype(object).map(str).to_numpy(dtype=str)
