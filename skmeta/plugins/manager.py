"""The plugins that are loaded, what each offers, and what had to be left out."""

from __future__ import annotations

import pluggy

from skmeta import hookspecs
from skmeta.plugins.contracts import check_dict, check_offer
from skmeta.plugins.discovery import (
    BUILTIN,
    check_api_version,
    installed,
    origin_of,
    reason_of,
)
from skmeta.plugins.entries import Entry, Failure, Origin

__all__ = ["PLUGIN_ERRORS", "Shelf"]

# sys.exit() in a plugin's module must not end the user's process either.
PLUGIN_ERRORS = (Exception, SystemExit)


class Shelf:
    """Plugins, each loaded and asked at the first look-up that needs it.

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
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._plugins: dict[str, Origin] = {}  # by the name that pluggy has for them
        self._offers: dict[tuple[str, str], list[Entry]] = {}  # by plugin and kind
        self._pending = [BUILTIN]  # not loaded yet
        self._discovered = False

    def discover(self) -> None:
        """Find what is installed; imports nothing."""
        if not self._discovered:
            self._discovered = True
            allowed, blocked = installed()
            self._pending += allowed
            self.blocked = sorted({origin_of(point) for point in blocked})

    def ask(self, kind: str, distribution: str | None = None) -> list[Entry]:
        """Return what one distribution offers, or all of them."""
        self._load(distribution)
        found = []
        for plugin, origin in [*self._plugins.items()]:
            if distribution is None or origin.is_of(distribution):
                if (plugin, kind) not in self._offers:
                    self._offers[plugin, kind] = []  # should its hook look names up
                    self._offers[plugin, kind] = self._call(plugin, kind, origin)
                found += self._offers[plugin, kind]
        return found

    def add(self, plugin: object, name: str, origin: Origin) -> None:
        """Take a plugin, or raise and leave no trace of it."""
        check_api_version(plugin)
        if name in self._plugins:
            raise ValueError(f"A plugin is registered as {name!r} already.")
        try:
            self._manager.register(plugin, name)
        except pluggy.PluginValidationError:
            # Earlier releases of pluggy keep the hooks that came before the fault.
            self._manager.unregister(name=name)
            raise
        # Hooks of a later skmeta are no fault, but there must be one we know.
        if not any(hook.has_spec() for hook in self._manager.get_hookcallers(plugin)):
            self._manager.unregister(plugin)
            raise TypeError(
                f"it implements none of the hooks {[*hookspecs.KINDS.values()]}; "
                "mark its functions with skmeta.hookimpl"
            )
        self._plugins[name] = origin

    def remove(self, name: str) -> None:
        """Forget a plugin."""
        if name not in self._plugins:
            raise ValueError(f"No plugin is registered as {name!r}.")
        self._manager.unregister(name=name)
        del self._plugins[name]
        for kind in hookspecs.KINDS:
            self._offers.pop((name, kind), None)

    def _load(self, distribution: str | None) -> None:
        if distribution != hookspecs.PROJECT:
            self.discover()
        chosen, rest = [], []
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
        # One by one: a plain call of the hook would end at the first that raises.
        hook = getattr(self._manager.hook, hookspecs.KINDS[kind])
        implementations = [
            each for each in hook.get_hookimpls() if each.plugin_name == plugin
        ]
        entries = []
        for implementation in implementations:
            try:
                offers = check_dict(kind, implementation.function())
            except PLUGIN_ERRORS as error:
                self._fail(origin, f"{hook.name}()", error)
                continue
            for name, thing in offers.items():
                try:
                    check_offer(kind, name, thing)
                    self._refuse_twice(kind, name, origin)
                except TypeError as error:
                    self._fail(origin, f"the {kind} {name!r}", error)
                else:
                    entries.append(Entry(kind, name, thing, *origin))
        return entries

    def _refuse_twice(self, kind: str, name: str, origin: Origin) -> None:
        # Two modules of one distribution would share even the full name.
        new = (kind, name, origin.distribution)
        for offered in self._offers.values():
            if any(new == (e.kind, e.name, e.distribution) for e in offered):
                raise TypeError("this distribution offers the name twice")

    def _fail(self, origin: Origin, part: str, error: BaseException) -> None:
        failure = Failure(*origin, part, reason_of(error))
        if failure not in self.failures:
            self.failures.append(failure)
