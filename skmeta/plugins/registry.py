"""Names of built-ins and plugins, each looked up when it is needed."""

from __future__ import annotations

import difflib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from skmeta import hookspecs
from skmeta.plugins.contracts import check_instance, resolved
from skmeta.plugins.discovery import VARIABLE, reason_of
from skmeta.plugins.entries import (
    Entry,
    Failure,
    Origin,
    PluginWarning,
    same_distribution,
)
from skmeta.plugins.listing import Row, describe
from skmeta.plugins.manager import PLUGIN_ERRORS, PluginManager
from skmeta.utils.messages import warn

__all__ = ["Registry"]

_LIST_COMMAND = "python -m skmeta plugins"


class Registry:
    """Names of plugins and built-ins, filled as look-ups need it.

    The functions of :mod:`skmeta.plugins` are the methods of the one registry that
    the estimators use. All methods may be called from several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._manager = PluginManager()
        self._reported = 0

    def get(self, kind: str, name: str) -> Callable[..., Any]:
        """Return the class that a name stands for; for a dataset, its function.

        A built-in is found without importing any plugin, and wins over a plugin that
        offers the same name. A name that nobody offers is looked for in capitals and
        small letters alike: "MAML" is "maml".

        Parameters
        ----------
        kind : {"algorithm", "backbone", "distance", "augmentation", "dataset"}
        name : str
            A registered name, or ``"distribution:name"`` where several
            distributions offer the same name. Built-ins are
            ``"skmeta:name"``.

        Returns
        -------
        cls : type or callable

        Raises
        ------
        ValueError
            If the name is unknown, or offered by several plugins.

        Examples
        --------
        >>> from skmeta import plugins
        >>> plugins.get("algorithm", "maml")
        <class 'skmeta.algorithms...MAML'>
        """
        return self.entry(kind, name).cls

    def entry(self, kind: str, name: str) -> Entry:
        """Return what is known of a name; parameters and errors as of :meth:`get`."""
        _check_kind(kind)
        distribution, _, own_name = name.rpartition(":")
        with self._lock:
            # First without any third party: a built-in needs none.
            found = self._named(kind, own_name, distribution or hookspecs.PROJECT)
            if not found and not distribution:
                found = self._named(kind, own_name)
            if not found:
                found = self._spelt_alike(kind, own_name, distribution)
        self._report()
        if not found:
            raise ValueError(self._unknown_message(kind, name))
        if len(found) > 1:
            names = sorted(entry.full_name for entry in found)
            choices = " or ".join(map(repr, names))
            raise ValueError(f"{kind} {name!r} is ambiguous. Say which one: {choices}.")
        return found[0]

    def names(self, kind: str) -> list[str]:
        """Return a name that :meth:`get` accepts for everything of a kind, sorted.

        Where several distributions offer a name it is given as
        ``"distribution:name"``, once for each; a built-in keeps its own.

        Examples
        --------
        >>> from skmeta import plugins
        >>> "euclidean" in plugins.names("distance")
        True
        """
        return sorted(use for _, use in self._uses(self.entries(kind)))

    def resolve(self, kind: str, value: object) -> Any:
        """Return an instance for a name; anything but a string as it is.

        A dataset's name stands for its function.

        Raises
        ------
        ValueError
            If the name is unknown, or offered by several plugins.
        TypeError
            If it is a class, or something that cannot be of this kind.

        Examples
        --------
        >>> from skmeta import plugins
        >>> plugins.resolve("algorithm", "maml")
        MAML()
        """
        if not isinstance(value, str):
            check_instance(kind, value)
            return value
        return resolved(kind, self.get(kind, value))

    def entries(self, kind: str) -> list[Entry]:
        """Return all that is registered for a kind, sorted by name."""
        _check_kind(kind)
        with self._lock:
            found = self._manager.entries(kind)
        self._report()
        return sorted(found, key=lambda entry: (entry.name, entry.full_name))

    def failures(self) -> list[Failure]:
        """Return what had to be left out; looks every kind up first."""
        for kind in hookspecs.KINDS:
            self.entries(kind)
        return list(self._manager.failures)

    def blocked(self) -> list[Origin]:
        """Return the distributions that ``SKMETA_PLUGINS`` switches off."""
        with self._lock:
            self._manager.discover()
        return list(self._manager.blocked)

    def rows(self) -> list[Row]:
        """Return a row for every name and for every plugin that is left out."""
        rows = []
        for kind in hookspecs.KINDS:
            known = self.entries(kind)
            rows += [self._row(entry, use, known) for entry, use in self._uses(known)]
        rows += [
            Row("plugin", f.part, f.distribution, f.version, "", "failed", f.reason)
            for f in self.failures()
        ]
        reason = f"{VARIABLE} does not allow it"
        rows += [
            Row("plugin", "", *origin, state="off", reason=reason)
            for origin in self.blocked()
        ]
        return rows

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
        ImportError
            If it was written for another version of skmeta.
        """
        name = str(name or getattr(plugin, "__name__", type(plugin).__name__))
        if same_distribution(name, hookspecs.PROJECT):
            raise ValueError(f"{name!r} is the name of the built-ins.")
        with self._lock:
            self._manager.add(plugin, name, Origin(name, ""))
        return name

    def unregister(self, name: str) -> None:
        """Forget a plugin that :meth:`register` took."""
        with self._lock:
            self._manager.remove(name)

    def _named(
        self, kind: str, name: str, distribution: str | None = None
    ) -> list[Entry]:
        known = self._manager.entries(kind, distribution)
        return [entry for entry in known if entry.name == name]

    def _spelt_alike(self, kind: str, name: str, distribution: str) -> list[Entry]:
        """Return what a name stands for whatever its capitals; built-ins first."""
        known = [
            entry
            for entry in self._manager.entries(kind, distribution or None)
            if entry.name.casefold() == name.casefold()
        ]
        return [entry for entry in known if entry.is_builtin] or known

    def _report(self) -> None:
        # Only when all else is in place, for a warning may be turned into an error.
        with self._lock:
            news = self._manager.failures[self._reported :]
            self._reported = len(self._manager.failures)
        for failure in news:
            warn(str(failure), PluginWarning)

    @staticmethod
    def _uses(known: list[Entry]) -> Iterator[tuple[Entry, str]]:
        """Pair everything of one kind with the name to give for it."""
        n_entries = Counter(entry.name for entry in known)
        for entry in known:
            is_clear = n_entries[entry.name] == 1 or entry.is_builtin
            yield entry, entry.name if is_clear else entry.full_name

    def _row(self, entry: Entry, use: str, known: list[Entry]) -> Row:
        state: Literal["ready", "clash", "failed"] = "ready"
        reason = ""
        if use != entry.name:
            others = {e.distribution for e in known if e.name == entry.name}
            others = " and ".join(sorted(others - {entry.distribution}))
            state, reason = "clash", f"also in {others}, say {use!r}"
        try:
            resolved(entry.kind, entry.cls)
        except PLUGIN_ERRORS as error:
            state, reason = "failed", reason_of(error)
        return Row(
            entry.kind,
            entry.name,
            entry.distribution,
            entry.version,
            describe(entry),
            state,
            reason,
            None if state == "failed" else use,
        )

    def _unknown_message(self, kind: str, name: str) -> str:
        known = self.entries(kind)
        candidates = {entry.name for entry in known}
        candidates |= {entry.full_name for entry in known if ":" in name}
        spelt = {each.casefold(): each for each in sorted(candidates)}
        found = difflib.get_close_matches(name.casefold(), spelt)
        close = [spelt[each] for each in found]
        message = f"Unknown {kind} {name!r}."
        if close:
            message += f" Did you mean {' or '.join(map(repr, close))}?"
        if failures := self._manager.failures:
            message += f" Plugins that failed to load: {_named_in(failures)}."
        if blocked := self.blocked():
            message += f" Plugins that {VARIABLE} switches off: {_named_in(blocked)}."
        return f"{message} All names: {_LIST_COMMAND}"


def _named_in(plugins: Sequence[Failure | Origin]) -> str:
    return ", ".join(sorted({plugin.distribution for plugin in plugins}))


def _check_kind(kind: str) -> None:
    if kind not in hookspecs.KINDS:
        raise ValueError(f"kind must be one of {[*hookspecs.KINDS]}, not {kind!r}.")
