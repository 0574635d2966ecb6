"""The registry: names that stand for algorithms, backbones, distances and more.

The built-ins and every installed plugin fill it through the hooks of
:mod:`skmeta.hookspecs`. Nothing is imported before a look-up needs it, and looking a
built-in up needs no plugin. A plugin that is broken is reported once, as a
:class:`PluginWarning`, and the others stay usable.

The environment variable ``SKMETA_PLUGINS`` says whose code may run: ``off``, or the
allowed distributions with commas between them (``skmeta-gp,skmeta-acme``).
"""

from skmeta.plugins.discovery import VARIABLE
from skmeta.plugins.entries import Entry, Failure, PluginWarning, same_distribution
from skmeta.plugins.listing import Row, table
from skmeta.plugins.registry import Registry

__all__ = [
    "VARIABLE",
    "Entry",
    "Failure",
    "PluginWarning",
    "Registry",
    "Row",
    "blocked",
    "entries",
    "entry",
    "failures",
    "get",
    "names",
    "register",
    "resolve",
    "rows",
    "same_distribution",
    "table",
    "unregister",
]

_registry = Registry()
blocked = _registry.blocked
entries = _registry.entries
entry = _registry.entry
failures = _registry.failures
get = _registry.get
names = _registry.names
register = _registry.register
resolve = _registry.resolve
rows = _registry.rows
unregister = _registry.unregister
