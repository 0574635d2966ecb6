"""What was learnt of tasks, to a file and back."""

from dataclasses import replace
from typing import Any

import numpy as np

from skmeta.engine.adapted import AdaptedTasks
from skmeta.engine.changes import without_gaps
from skmeta.engine.supports import Supports
from skmeta.exceptions import SaveError
from skmeta.saving.checks import check_adapted, check_supports
from skmeta.saving.names import ADAPTED, LABELS, SUPPORTS
from skmeta.saving.values import Reader, Writer
from skmeta.tables.labels import TaskLabels

__all__ = ["read_adapted", "write_adapted"]


def write_adapted(writer: Writer, adapted: AdaptedTasks | None, root: str) -> dict:
    """Write what was learnt of tasks, by ``writer.algorithm``."""
    if adapted is None:
        return {"adapted": None}
    adapted = without_gaps(adapted)
    parts = {key: getattr(adapted, name) for key, name in ADAPTED.items()}
    if adapted.labels is not None:
        parts["labels"] = {
            key: getattr(adapted.labels, name) for key, name in LABELS.items()
        }
    content = {"adapted": {k: writer.write(v, f"{root}.{k}") for k, v in parts.items()}}
    if writer.supports and not (adapted.names is None and adapted.has_no_row):
        supports = Supports.join(_all_supports(adapted))
        for part, rows in (
            ("supports", supports),
            ("unlabelled", supports.unlabelled),
        ):
            if rows is not None:
                content[part] = {
                    key: writer.write(getattr(rows, name), f"{root}.{part}.{key}")
                    for key, name in SUPPORTS.items()
                }
    elif adapted.n_unlabelled is not None:
        content["n_unlabelled"] = writer.write(
            adapted.n_unlabelled, f"{root}.n_unlabelled"
        )
    return content


def _all_supports(adapted: AdaptedTasks) -> list[Supports]:
    kept = []
    for tasks, learnt in adapted.learnt():
        if learnt.supports is not None:
            kept.append(learnt.supports)
        elif adapted.have_rows(tasks):
            raise SaveError(
                "The rows that the current tasks were learnt from are not here to be "
                "saved: the estimator comes from a file without them. Call adapt with "
                "these rows, or leave supports=True out."
            )
        else:  # the prior
            kept.append(Supports.of_no_row(len(tasks)))
    return kept


def read_adapted(reader: Reader, content: dict, meta: Any) -> AdaptedTasks | None:
    """Return what :func:`write_adapted` has written, checked against its learner."""
    if content["adapted"] is None:
        return None
    parts = reader.read(content["adapted"])
    labels = parts.pop("labels", None)
    adapted = AdaptedTasks.__new__(AdaptedTasks)
    adapted.n_rows = None  # early files have none
    for key, part in parts.items():
        setattr(adapted, ADAPTED[key], part)
    adapted.labels = None
    if labels is not None:
        adapted.labels = TaskLabels(**{LABELS[key]: v for key, v in labels.items()})
    adapted.learner = meta._learner()
    adapted.supports = (None,) * len(adapted.states)
    if "n_unlabelled" in content:
        adapted.n_unlabelled = reader.read(content["n_unlabelled"])
    check_adapted(adapted, meta)
    if "supports" in content:
        supports = _read_supports(reader, content["supports"])
        if "unlabelled" in content:
            others = _read_supports(reader, content["unlabelled"])
            supports = replace(supports, unlabelled=others)
        check_supports(supports, adapted, meta)
        if supports.unlabelled is not None:
            adapted.n_unlabelled = np.empty(adapted.n_tasks, dtype=np.intp)
            adapted.n_unlabelled[adapted.order] = supports.unlabelled.sizes
        tasks = np.split(np.arange(adapted.n_tasks), adapted.bounds[1:-1])
        adapted.supports = tuple(supports.take(own) for own in tasks)
    return adapted


def _read_supports(reader: Reader, content: dict) -> Supports:
    return Supports(**{SUPPORTS[k]: reader.read(v) for k, v in content.items()})
