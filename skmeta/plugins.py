"""The registry: names that stand for algorithms, backbones and distances.

The built-ins and every installed plugin fill it through the hooks of
:mod:`skmeta.hookspecs`. Nothing is loaded before the first look-up. A plugin
that is broken is reported once, as a :class:`PluginWarning`, and the others
stay usable.
"""

from __future__ import annotations

import difflib
import inspect
import threading
import warnings
from collections import Counter
from dataclasses import dataclass
from importlib import metadata

import pluggy

from skmeta import hookspecs

_LIST_COMMAND = "python -m skmeta plugins"
_BUILTIN = metadata.EntryPoint("builtin", "skmeta.builtin", hookspecs.PROJECT)

# sys.exit() in a plugin's module must not end the user's process either.
_PLUGIN_ERRORS = (Exception, SystemExit)


class PluginWarning(UserWarning):
    """A plugin, or a part of it, cannot be used."""


@dataclass(frozen=True)
class Entry:
    """A name and the class that it stands for."""

    kind: str
    name: str
    cls: type
    distribution: str
    version: str

    @property
    def full_name(self) -> str:
        """The name that stays unique when two distributions offer ``name``."""
        return f"{self.distribution}:{self.name}"


@dataclass(frozen=True)
class Failure:
    """Why a plugin, or one of its hooks, is left out."""

    distribution: str
    version: str
    part: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.part} of the plugin {self.distribution!r} is left out, "
            f"it failed with {self.reason}"
        )


class Registry:
    """Names of plugins and built-ins, filled at the first look-up.

    The functions of this module are the methods of the one registry that the
    estimators use. All methods may be called from several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        # Distribution and version, by the name under which pluggy has the plugin.
        self._origins: dict[str, tuple[str, str]] = {}
        self._entries: dict[str, list[Entry]] = {}  # by kind, filled on demand
        self._failures: list[Failure] = []
        self._reported = 0
        self._loaded = False

    def get(self, kind: str, name: str) -> type:
        """Return the class that a name stands for.

        Parameters
        ----------
        kind : {"algorithm", "backbone", "distance"}
        name : str
            A registered name, or ``"distribution:name"`` where several
            distributions offer the same name. Built-ins are
            ``"skmeta:name"``.

        Returns
        -------
        cls : type

        Raises
        ------
        ValueError
            If the name is unknown, or offered by several distributions.

        Examples
        --------
        >>> from skmeta import plugins
        >>> plugins.get("algorithm", "maml")
        <class 'skmeta.algorithms...MAML'>
        """
        known = self.entries(kind)
        found = [entry for entry in known if name in (entry.name, entry.full_name)]
        if not found:
            raise ValueError(self._unknown_message(kind, name, known))
        if len(found) > 1:
            offers = " or ".join(repr(entry.full_name) for entry in found)
            raise ValueError(f"{kind} {name!r} is ambiguous. Say which one: {offers}.")
        return found[0].cls

    def names(self, kind: str) -> list[str]:
        """Return every name that :meth:`get` accepts, sorted.

        A name that several distributions offer is given as
        ``"distribution:name"``, once for each.

        Examples
        --------
        >>> from skmeta import plugins
        >>> "euclidean" in plugins.names("distance")
        True
        """
        known = self.entries(kind)
        offers = Counter(entry.name for entry in known)
        return sorted(
            entry.name if offers[entry.name] == 1 else entry.full_name
            for entry in known
        )

    def resolve(self, kind: str, value: object) -> object:
        """Return an instance for a name; anything but a string as it is.

        Examples
        --------
        >>> from skmeta import plugins
        >>> plugins.resolve("algorithm", "maml")
        MAML()
        """
        return self.get(kind, value)() if isinstance(value, str) else value

    def entries(self, kind: str) -> list[Entry]:
        """Return all that is registered for a kind, sorted by name."""
        if kind not in hookspecs.KINDS:
            raise ValueError(f"kind must be one of {[*hookspecs.KINDS]}, not {kind!r}.")
        with self._lock:
            self._load()
            if kind not in self._entries:
                self._entries[kind] = self._collect(kind)
            found = list(self._entries[kind])
        self._report()
        return found

    def failures(self) -> list[Failure]:
        """Return what had to be left out; looks every kind up first."""
        for kind in hookspecs.KINDS:
            self.entries(kind)
        return list(self._failures)

    def register(self, plugin: object, name: str | None = None) -> str:
        """Register a plugin of this process, such as a class in a notebook.

        Parameters
        ----------
        plugin : object
            A module or object with functions marked by ``skmeta.hookimpl``.
        name : str, default=None
            Takes the place of the distribution in ``"distribution:name"``.
            By default the ``__name__`` of the plugin or of its class.

        Returns
        -------
        name : str
            What :meth:`unregister` takes.

        Raises
        ------
        ValueError
            If the plugin or its name is registered already.
        TypeError
            If the plugin implements no hook of skmeta.
        """
        name = name or getattr(plugin, "__name__", type(plugin).__name__)
        with self._lock:
            self._add(plugin, name, (name, ""))
        return name

    def unregister(self, name: str) -> None:
        """Forget a plugin that :meth:`register` took."""
        with self._lock:
            if name not in self._origins:
                raise ValueError(f"No plugin is registered as {name!r}.")
            self._manager.unregister(name=name)
            del self._origins[name]
            self._entries.clear()

    def listing(self) -> str:
        """Return a table of all names and of the plugins that failed."""
        rows = [("kind", "name", "distribution", "version", "description", "state")]
        for kind in hookspecs.KINDS:
            usable = set(self.names(kind))
            rows += [
                (
                    kind,
                    entry.name,
                    entry.distribution,
                    entry.version,
                    inspect.cleandoc(entry.cls.__doc__ or "").partition("\n")[0],
                    "ready" if entry.name in usable else f"say {entry.full_name!r}",
                )
                for entry in self.entries(kind)
            ]
        rows += [
            ("plugin", f.part, f.distribution, f.version, "", f"failed: {f.reason}")
            for f in self.failures()
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows
        )

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True  # first: a plugin may look a name up while it loads
        for point in (_BUILTIN, *metadata.entry_points(group=hookspecs.PROJECT)):
            origin = _origin(point)
            try:
                self._add(point.load(), f"{origin[0]}:{point.name}", origin)
            except _PLUGIN_ERRORS as error:
                self._fail(origin, point.value, error)

    def _add(self, plugin: object, name: str, origin: tuple[str, str]) -> None:
        self._manager.register(plugin, name)
        # Hooks of a later skmeta are no fault, but there must be one we know.
        if not any(hook.has_spec() for hook in self._manager.get_hookcallers(plugin)):
            self._manager.unregister(plugin)
            raise TypeError(
                f"it implements none of the hooks {[*hookspecs.KINDS.values()]}; "
                "mark its functions with skmeta.hookimpl"
            )
        self._origins[name] = origin
        self._entries.clear()

    def _collect(self, kind: str) -> list[Entry]:
        hook = getattr(self._manager.hook, hookspecs.KINDS[kind])
        collected = []
        # One by one: a plain call of the hook would end at the first that raises.
        for implementation in hook.get_hookimpls():
            origin = self._origins[implementation.plugin_name]
            try:
                offer = _checked(hook.name, implementation.function())
            except _PLUGIN_ERRORS as error:
                self._fail(origin, f"{hook.name}()", error)
            else:
                collected += [Entry(kind, *item, *origin) for item in offer.items()]
        return sorted(collected, key=lambda entry: (entry.name, entry.full_name))

    def _fail(self, origin: tuple[str, str], part: str, error: BaseException) -> None:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        failure = Failure(*origin, part, reason)
        if failure not in self._failures:
            self._failures.append(failure)

    def _report(self) -> None:
        # Only when all else is in place, for a warning may be turned into an error.
        with self._lock:
            news = self._failures[self._reported :]
            self._reported = len(self._failures)
        for failure in news:
            warnings.warn(str(failure), PluginWarning, stacklevel=4)

    def _unknown_message(self, kind: str, name: str, known: list[Entry]) -> str:
        candidates = {entry.name for entry in known}
        candidates |= {entry.full_name for entry in known if ":" in name}
        close = difflib.get_close_matches(name, sorted(candidates))
        message = f"Unknown {kind} {name!r}."
        if close:
            message += f" Did you mean {' or '.join(map(repr, close))}?"
        if self._failures:
            broken = sorted({failure.distribution for failure in self._failures})
            message += f" Plugins that failed to load: {', '.join(broken)}."
        return f"{message} All names: {_LIST_COMMAND}"


def _origin(point: metadata.EntryPoint) -> tuple[str, str]:
    if point.dist is not None:
        return point.dist.name, point.dist.version
    try:
        return hookspecs.PROJECT, metadata.version(hookspecs.PROJECT)
    except metadata.PackageNotFoundError:  # run from a source tree
        return hookspecs.PROJECT, ""


def _checked(hook: str, offer: object) -> dict[str, type]:
    """Return what a hook gave if it is names with classes, else raise."""
    if not isinstance(offer, dict):
        raise TypeError(f"{hook}() must return a dict, not a {type(offer).__name__}")
    for name, cls in offer.items():
        if not isinstance(name, str) or not name or ":" in name:
            raise TypeError(
                f"{hook}() must use non-empty str without ':' as names, not {name!r}"
            )
        if not isinstance(cls, type):
            raise TypeError(f"{hook}() must map {name!r} to a class, not to {cls!r}")
    return offer


_registry = Registry()
get = _registry.get
names = _registry.names
resolve = _registry.resolve
entries = _registry.entries
failures = _registry.failures
register = _registry.register
unregister = _registry.unregister
listing = _registry.listing
