"""The registry as rows: every name, and every plugin that is left out."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from skmeta.plugins.entries import Entry

__all__ = ["Row", "describe", "table"]

_TITLES = ("kind", "name", "distribution", "version", "description", "state")


@dataclass(frozen=True)
class Row:
    """A name, or a plugin or a part of it that is left out.

    Attributes
    ----------
    kind : str
        Kind of the thing; "plugin" for what is left out.
    name : str
        What its plugin calls it; the module or hook of what is left out.
    distribution, version : str
        Where it comes from.
    description : str
        First line of its docstring.
    state : {"ready", "clash", "failed", "off"}
        "ready" can be looked up; "clash" under ``use`` only; "off" by SKMETA_PLUGINS.
    reason : str
        Why it is not ready.
    use : str or None
        The name to give, None where there is none.
    """

    kind: str
    name: str
    distribution: str
    version: str
    description: str = ""
    state: Literal["ready", "clash", "failed", "off"] = "ready"
    reason: str = ""
    use: str | None = None

    @property
    def full_name(self) -> str:
        """The name that is given as ``"distribution:name"``."""
        return f"{self.distribution}:{self.name}"

    def cells(self) -> tuple[str, ...]:
        """Return the row of a table."""
        state = f"{self.state}: {self.reason}" if self.reason else self.state
        values = (self.kind, self.name, self.distribution, self.version)
        return (*values, self.description, state)


def describe(entry: Entry) -> str:
    """Return the first line of a docstring."""
    return inspect.cleandoc(entry.cls.__doc__ or "").partition("\n")[0]


def table(rows: Sequence[Row]) -> str:
    """Return rows as an aligned table."""
    lines = [_TITLES, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
