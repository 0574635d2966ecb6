"""Generated plugins, healthy and broken, that several tests install or register."""

from skmeta import hookimpl
from skmeta.distances import Distance

_SOURCE = """
from skmeta import hookimpl
from skmeta.distances import Distance


class {cls}(Distance):
    "A {cls} distance.\\n\\nMore about it."

    def build(self, n_features):
        return gap


def gap(a, b):
    return (a.unsqueeze(-2) - b.unsqueeze(-3)).abs().sum(-1)


@hookimpl
def skmeta_distances():
    return {{"{name}": {cls}}}
"""


def distance_plugin(cls, name):
    """Return a module that offers one distance."""
    return _SOURCE.format(cls=cls, name=name)


def _offers(returned):
    return f"""
from skmeta import hookimpl

@hookimpl
def skmeta_distances(): return {returned}
"""


BROKEN = {
    "import error": ("import there_is_no_such_module", "there_is_no_such_module"),
    "exit at import": ("raise SystemExit('leaving')", "leaving"),
    "no hook": ("def skmeta_distances(): return {}", "hookimpl"),
    "argument that no hook has": (
        _offers("{}").replace("distances()", "algorithms()")
        + _offers("{}").replace("distances()", "distances(colour)"),
        "colour",
    ),
    "hook raises": (_offers("{}[0]"), "KeyError: 0"),
    "not a dict": (_offers('["taxi"]'), "must return a dict, not a list"),
    "instance for a class": (_offers('{"taxi": object()}'), "must be a class"),
    "class of another kind": (_offers('{"taxi": dict}'), "dict has no build, no get_"),
    "colon in a name": (_offers('{"big:taxi": object}'), "'big:taxi'"),
    "empty name": (_offers('{" ": object}'), "non-empty"),
    "missing dependency": (
        _offers('__import__("no_such_dependency")'),
        r"is 'no_such_dependency' installed\?",
    ),
    "written for a later skmeta": (
        "skmeta_api_version = (9, 3)" + _offers("{}"),
        r"written for version 9.3 .* has 1.0; install a newer skmeta",
    ),
    "written for an earlier skmeta": (
        "skmeta_api_version = (0, 7)" + _offers("{}"),
        "install a newer release of the plugin",
    ),
    "version of no known form": (
        "skmeta_api_version = '1'" + _offers("{}"),
        r"must be two whole numbers such as \(1, 0\), not '1'",
    ),
}
"""Module and what its failure says, as a pattern."""


class Taxi(Distance):
    def build(self, n_features):
        raise NotImplementedError


def plugin_with_distance(name, cls):
    class Plugin:
        @hookimpl
        def skmeta_distances(self):
            return {name: cls}

    return Plugin()
