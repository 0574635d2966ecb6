"""What the registry knows of a name, and of a plugin that is left out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from skmeta.hookspecs import PROJECT

__all__ = [
    "Entry",
    "Failure",
    "Origin",
    "PluginWarning",
    "same_distribution",
]


class PluginWarning(UserWarning):
    """A plugin, or a part of it, cannot be used."""


class Origin(NamedTuple):
    """Where a plugin comes from."""

    distribution: str
    version: str

    def is_of(self, distribution: str) -> bool:
        """Tell whether this is a distribution, however its name is spelt."""
        return same_distribution(self.distribution, distribution)


@dataclass(frozen=True)
class Entry:
    """A name and what it stands for.

    Attributes
    ----------
    kind : str
        Kind of the thing, a key of ``skmeta.hookspecs.KINDS``.
    name : str
        The name that the plugin gave it.
    cls : type or callable
        The class; of a dataset the function that returns it.
    distribution, version : str
        Where it comes from.
    """

    kind: str
    name: str
    cls: Callable[..., Any]
    distribution: str
    version: str

    @property
    def full_name(self) -> str:
        """The name that stays unique when two distributions offer ``name``."""
        return f"{self.distribution}:{self.name}"

    @property
    def is_builtin(self) -> bool:
        """Whether it is part of skmeta itself."""
        return self.distribution == PROJECT


@dataclass(frozen=True)
class Failure:
    """Why a plugin, or a part of it, is left out."""

    distribution: str
    version: str
    part: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.part} of the plugin {self.distribution!r} is left out, "
            f"it failed with {self.reason}"
        )


def _canonical(distribution: str) -> str:
    """Return the one spelling of a distribution's name that indexes compare."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def same_distribution(one: str, two: str) -> bool:
    """Tell whether two names of distributions mean the same one."""
    return _canonical(one) == _canonical(two)
