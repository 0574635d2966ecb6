"""The plugins of one registry: loaded and asked when needed, or left out."""

from __future__ import annotations

from importlib import metadata

import pluggy

from skmeta import hookspecs
from skmeta.plugins.contracts import check_entry, check_returned
from skmeta.plugins.discovery import (
    BUILTIN,
    check_api_version,
    installed,
    origin_of,
    reason_of,
)
from skmeta.plugins.entries import Entry, Failure, Origin

__all__ = ["PLUGIN_ERRORS", "PluginManager"]

# sys.exit() in a plugin's module must not end the user's process either.
PLUGIN_ERRORS = (Exception, SystemExit)


class PluginManager:
    """Loads plugins, and calls their hooks, at the first look-up that needs it.

    pluggy holds them and tells which hooks they have. What it does not do, and this
    does, is to load only the distribution that is asked for, and to go on after one
    that fails.

    Attributes
    ----------
    failures : list of Failure
        What had to be left out so far.
    blocked : list of Origin
        The distributions that may not be loaded, once :meth:`discover` has looked.
    """

    def __init__(self) -> None:
        self.failures: list[Failure] = []
        self.blocked: list[Origin] = []
        self._pluggy = pluggy.PluginManager(hookspecs.PROJECT)
        self._pluggy.add_hookspecs(hookspecs)
        self._origins: dict[str, Origin] = {}  # by the name that pluggy has for them
        self._entries: dict[tuple[str, str], list[Entry]] = {}  # by plugin and kind
        self._pending = [BUILTIN]  # not loaded yet
        self._discovered = False

    def discover(self) -> None:
        """Find what is installed; imports nothing."""
        if not self._discovered:
            self._discovered = True
            allowed, blocked = installed()
            self._pending += allowed
            self.blocked = sorted({origin_of(point) for point in blocked})

    def entries(self, kind: str, distribution: str | None = None) -> list[Entry]:
        """Return what one distribution registers, or all of them; loads and asks it."""
        self._load(distribution)
        found = []
        for plugin, origin in [*self._origins.items()]:
            if distribution is None or origin.is_of(distribution):
                if (plugin, kind) not in self._entries:
                    self._entries[plugin, kind] = []  # should its hook look names up
                    self._entries[plugin, kind] = self._call(plugin, kind, origin)
                found += self._entries[plugin, kind]
        return found

    def add(self, plugin: object, name: str, origin: Origin) -> None:
        """Take a plugin, or raise and leave no trace of it."""
        check_api_version(plugin)
        if name in self._origins:
            raise ValueError(f"A plugin is registered as {name!r} already.")
        try:
            self._pluggy.register(plugin, name)
        except pluggy.PluginValidationError:
            # Earlier releases of pluggy keep the hooks that came before the fault.
            self._pluggy.unregister(name=name)
            raise
        # Hooks of a later skmeta are no fault, but there must be one we know.
        hooks = self._pluggy.get_hookcallers(plugin) or []
        if not any(hook.has_spec() for hook in hooks):
            self._pluggy.unregister(plugin)
            raise TypeError(
                f"it implements none of the hooks {[*hookspecs.KINDS.values()]}; "
                "mark its functions with skmeta.hookimpl"
            )
        self._origins[name] = origin

    def remove(self, name: str) -> None:
        """Forget a plugin."""
        if name not in self._origins:
            raise ValueError(f"No plugin is registered as {name!r}.")
        self._pluggy.unregister(name=name)
        del self._origins[name]
        for kind in hookspecs.KINDS:
            self._entries.pop((name, kind), None)

    def _load(self, distribution: str | None) -> None:
        if distribution != hookspecs.PROJECT:
            self.discover()
        chosen: list[metadata.EntryPoint] = []
        rest: list[metadata.EntryPoint] = []
        for point in self._pending:
            wanted = distribution is None or origin_of(point).is_of(distribution)
            (chosen if wanted else rest).append(point)
        self._pending = rest  # first: a plugin may look a name up while it loads
        for point in chosen:
            origin = origin_of(point)
            try:
                self.add(point.load(), f"{origin.distribution}:{point.name}", origin)
            except PLUGIN_ERRORS as error:
                self._fail(origin, point.value, error)

    def _call(self, plugin: str, kind: str, origin: Origin) -> list[Entry]:
        # One by one: to call the hook itself would end at the first that raises.
        hook = getattr(self._pluggy.hook, hookspecs.KINDS[kind])
        entries = []
        for implementation in hook.get_hookimpls():
            if implementation.plugin_name != plugin:
                continue
            try:
                returned = check_returned(kind, implementation.function())
            except PLUGIN_ERRORS as error:
                self._fail(origin, f"{hook.name}()", error)
                continue
            for name, thing in returned.items():
                try:
                    check_entry(kind, name, thing)
                    self._refuse_twice(kind, name, origin)
                except TypeError as error:
                    self._fail(origin, f"the {kind} {name!r}", error)
                else:
                    entries.append(Entry(kind, name, thing, *origin))
        return entries

    def _refuse_twice(self, kind: str, name: str, origin: Origin) -> None:
        # Two modules of one distribution would share even the full name.
        new = (kind, name, origin.distribution)
        for known in self._entries.values():
            if any(new == (e.kind, e.name, e.distribution) for e in known):
                raise TypeError("this distribution offers the name twice")

    def _fail(self, origin: Origin, part: str, error: BaseException) -> None:
        failure = Failure(*origin, part, reason_of(error))
        if failure not in self.failures:
            self.failures.append(failure)
