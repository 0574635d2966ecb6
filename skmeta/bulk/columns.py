"""Which columns of a file are features, targets and groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skmeta.bulk.model import BulkModel
from skmeta.bulk.source import Source, group_kind, names_of
from skmeta.tables.arrow import arrow, columns_of, frame_of
from skmeta.utils.messages import count

__all__ = ["Columns"]


@dataclass(frozen=True)
class Columns:
    """Columns of support rows, by name.

    Parameters
    ----------
    features, target : list of str
        To learn from, and to learn.
    groups : str
        Task of a row.
    kind : {"integer", "text", "float"}
        What groups are.
    as_frame : bool
        Whether the model was fitted to columns with names, and is given such.
    """

    features: list[str]
    target: list[str]
    groups: str
    kind: str
    as_frame: bool

    @classmethod
    def choose(
        cls,
        model: BulkModel,
        rows: Source,
        groups: str,
        target: str | Sequence[str] | None,
        columns: Sequence[str] | None,
    ) -> Columns:
        """Find the columns of support rows.

        Raises
        ------
        ValueError
            If some are not there, or if it cannot be told which they are.
        """
        known = model.knows_columns
        given = [target] if isinstance(target, str) else target
        if given is None and model.target_names is not None:
            given = model.target_names
        if columns is None:
            columns = known
        elif isinstance(columns, str):
            columns = [columns]
        rows.check([groups, *(given or []), *(columns or [])])
        if columns is None:
            if given is None:
                raise ValueError(
                    "The model was fitted to arrays and knows no names: say which "
                    "column is the target, or which columns to learn from."
                )
            about = {groups, *given}
            columns = [name for name in columns_of(rows.schema) if name not in about]
        if given is None:
            about = {groups, *columns}
            given = [name for name in columns_of(rows.schema) if name not in about]
            if len(given) != model.n_targets:
                raise ValueError(
                    f"Which column is the target? Beside groups and features there "
                    f"are {given}."
                )
        features, target = [*columns], [*given]
        twice = sorted({*target} & {groups, *features})
        if twice:
            raise ValueError(
                f"{twice} cannot be learnt: the model learns from it, or it is the "
                "task of a row."
            )
        if len(target) != model.n_targets:
            raise ValueError(
                f"The model learns {count(model.n_targets, 'target')}, and "
                f"{target} are {len(target)}."
            )
        if model.n_columns is not None and len(features) != model.n_columns:
            raise ValueError(
                f"The model was fitted to {count(model.n_columns, 'column')}, and "
                f"there are {len(features)} to learn from: {features[:20]}. Name "
                "those that it knows, in their order."
            )
        kind = group_kind(rows.schema, groups)
        return cls(features, target, groups, kind, known is not None)

    @classmethod
    def of_json(cls, asked: dict[str, Any]) -> Columns:
        """Return what :meth:`as_json` has written."""
        return cls(
            asked["columns"],
            asked["target"],
            asked["groups"],
            asked["kind_of_groups"],
            asked["by_name"],
        )

    def as_json(self) -> dict[str, Any]:
        """Return what a plan says of them."""
        return {
            "groups": self.groups,
            "kind_of_groups": self.kind,
            "target": self.target,
            "columns": self.features,
            "by_name": self.as_frame,
        }

    @property
    def all(self) -> list[str]:
        """All of them."""
        return [*dict.fromkeys([*self.features, self.groups, *self.target])]

    def group_names(self, table: Any, groups: str | None = None) -> np.ndarray:
        """Return the group of each row, of a column that may have another name."""
        name = self.groups if groups is None else groups
        column = table.column(name).combine_chunks()
        names = names_of(column, self.kind, name)
        if self.kind != "text":
            return names.to_numpy(zero_copy_only=False)
        coded = names.dictionary_encode()
        words = np.array(coded.dictionary.to_pylist(), dtype=str)
        if len(np.unique(words)) < len(words):  # NumPy drops it, and two are one task
            raise ValueError(
                f"Groups of column {name!r} end with the character of number 0, and "
                "are called like others without: give them other names."
            )
        return words[coded.indices.to_numpy()]

    def features_of(self, table: Any) -> Any:
        """Return the features of rows as a call in memory would be given them."""
        chosen = table.select(self.features)
        if self.as_frame:
            return frame_of(chosen)
        return np.column_stack([_numbers(chosen.column(n)) for n in self.features])


def _numbers(column: Any) -> np.ndarray:
    pa = arrow()
    kind = column.type
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    elif pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    return column.to_numpy()
