"""Which installed plugins may be loaded, and whether they fit this skmeta."""

from __future__ import annotations

import os
from importlib import metadata

from skmeta import hookspecs
from skmeta.plugins.entries import Origin

__all__ = [
    "BUILTIN",
    "VARIABLE",
    "check_api_version",
    "installed",
    "origin_of",
    "reason_of",
]

BUILTIN = metadata.EntryPoint("builtin", "skmeta.builtin", hookspecs.PROJECT)

VARIABLE = "SKMETA_PLUGINS"
"""Environment variable that says which distributions' code may run."""

_ALL, _NONE = ("", "on", "all"), ("off", "none", "0")


def installed() -> tuple[list[metadata.EntryPoint], list[metadata.EntryPoint]]:
    """Return the plugins that are installed, without importing any.

    Returns
    -------
    allowed, blocked : list of EntryPoint
        Those that may be loaded, and those that ``SKMETA_PLUGINS`` switches off.
    """
    setting = os.environ.get(VARIABLE, "").strip()
    points = metadata.entry_points(group=hookspecs.PROJECT)
    if setting.lower() in _ALL:
        return [*points], []
    if setting.lower() in _NONE:
        return [], [*points]
    allowed: list[metadata.EntryPoint] = []
    blocked: list[metadata.EntryPoint] = []
    names = [name.strip() for name in setting.split(",")]
    for point in points:
        is_named = any(map(origin_of(point).is_of, names))
        (allowed if is_named else blocked).append(point)
    return allowed, blocked


def origin_of(point: metadata.EntryPoint) -> Origin:
    """Return the distribution that an entry point belongs to."""
    if point.dist is not None:
        try:
            name, version = point.dist.name, point.dist.version
        except Exception:  # its metadata are damaged, which must harm nobody else
            name = version = None
        return Origin(name or point.value, version or "")
    try:
        return Origin(hookspecs.PROJECT, metadata.version(hookspecs.PROJECT))
    except metadata.PackageNotFoundError:  # run from a source tree
        return Origin(hookspecs.PROJECT, "")


def check_api_version(plugin: object) -> None:
    """Raise where a plugin was written for another skmeta than this one."""
    declared = getattr(plugin, "skmeta_api_version", None)
    if declared is None:
        declared = (1, 0)  # the first; so a plugin in a notebook need not say it
    if (
        not isinstance(declared, (tuple, list))
        or len(declared) != 2
        or not all(type(number) is int for number in declared)
    ):
        raise TypeError(
            "skmeta_api_version must be two whole numbers such as (1, 0), "
            f"not {declared!r}"
        )
    major, minor = hookspecs.API_VERSION
    if declared[0] == major and declared[1] <= minor:
        return
    older = tuple(declared) < hookspecs.API_VERSION
    raise ImportError(
        f"it is written for version {declared[0]}.{declared[1]} of skmeta's plugin "
        f"API and this skmeta has {major}.{minor}; install a "
        f"{'newer release of the plugin' if older else 'newer skmeta'}"
    )


def reason_of(error: BaseException) -> str:
    """Say in one line what went wrong, and how to mend it where that is known."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    if isinstance(error, ModuleNotFoundError) and error.name:
        reason += f" (is {error.name.partition('.')[0]!r} installed?)"
    return reason
