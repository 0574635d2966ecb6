"""The registry: names resolve, broken plugins stay harmless, nothing loads early."""

import importlib
import re
import subprocess
import sys
import textwrap
import threading
import types
import warnings
from pathlib import Path

import pytest

from skmeta import plugins
from skmeta.hookspecs import hookimpl

HEALTHY = """
    from skmeta.hookspecs import hookimpl

    class {cls}:
        "A {cls} distance.\\n\\nMore about it."

    @hookimpl
    def skmeta_distances():
        return {{"{name}": {cls}}}
"""
BROKEN = {
    "import error": ("import there_is_no_such_module", "there_is_no_such_module"),
    "exit at import": ("raise SystemExit('leaving')", "leaving"),
    "no hook": ("def skmeta_distances(): return {}", "hookimpl"),
    "argument that no hook has": (
        """
        from skmeta.hookspecs import hookimpl

        @hookimpl
        def skmeta_distances(colour): return {}
        """,
        "colour",
    ),
    "hook raises": (
        """
        from skmeta.hookspecs import hookimpl

        @hookimpl
        def skmeta_distances(): raise OSError("disk on fire")
        """,
        "disk on fire",
    ),
    "not a dict": (
        """
        from skmeta.hookspecs import hookimpl

        @hookimpl
        def skmeta_distances(): return ["taxi"]
        """,
        "must return a dict, not a list",
    ),
    "instance for a class": (
        """
        from skmeta.hookspecs import hookimpl

        @hookimpl
        def skmeta_distances(): return {"taxi": object()}
        """,
        "'taxi' to a class",
    ),
    "colon in a name": (
        """
        from skmeta.hookspecs import hookimpl

        @hookimpl
        def skmeta_distances(): return {"big:taxi": object}
        """,
        "'big:taxi'",
    ),
}


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that puts a distribution with one plugin on the path."""
    monkeypatch.syspath_prepend(tmp_path)
    modules = []

    def install(distribution, source, version="1.0"):
        module = distribution.replace("-", "_") + "_module"
        info = tmp_path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        info.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        )
        info.joinpath("entry_points.txt").write_text(f"[skmeta]\nmain = {module}\n")
        tmp_path.joinpath(f"{module}.py").write_text(textwrap.dedent(source))
        importlib.invalidate_caches()
        modules.append(module)
        return module

    yield install
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def registry():
    return plugins.Registry()


def plugin_with_distance(name, cls):
    class Plugin:
        @hookimpl
        def skmeta_distances(self):
            return {name: cls}

    return Plugin()


def test_an_installed_plugin_is_found_by_name(install, registry):
    module = install("acme-taxi", HEALTHY.format(cls="Taxi", name="taxi"))
    cls = registry.get("distance", "taxi")
    assert cls is sys.modules[module].Taxi
    assert isinstance(registry.resolve("distance", "taxi"), cls)
    entry = next(e for e in registry.entries("distance") if e.name == "taxi")
    assert entry == plugins.Entry("distance", "taxi", cls, "acme-taxi", "1.0")


def test_what_is_no_string_resolves_to_itself(registry):
    thing = object()
    assert registry.resolve("distance", thing) is thing


def test_a_plugin_loads_at_the_first_look_up_and_not_before(install):
    module = install("acme-lazy", HEALTHY.format(cls="Lazy", name="lazy"))
    registry = plugins.Registry()
    assert module not in sys.modules
    registry.names("backbone")
    assert module in sys.modules


def test_importing_skmeta_loads_no_plugin(install, tmp_path):
    module = install("acme-eager", "raise RuntimeError('imported too early')")
    root = Path(plugins.__file__).parents[1]
    code = f"""
        import sys
        sys.path[:0] = [{str(tmp_path)!r}, {str(root)!r}]
        import skmeta, skmeta.plugins
        assert {module!r} not in sys.modules
        assert "skmeta.builtin" not in sys.modules
        [failure] = [
            f for f in skmeta.plugins.failures() if f.distribution == "acme-eager"
        ]
        assert "imported too early" in failure.reason
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_reported_once_and_leaves_the_rest_usable(
    install, registry, source, reason
):
    # Names that sort on either side, so that one of them is loaded later.
    install("acme-a", HEALTHY.format(cls="First", name="first"))
    install("acme-m", source)
    install("acme-z", HEALTHY.format(cls="Last", name="last"))

    with pytest.warns(plugins.PluginWarning) as caught:
        names = registry.names("distance")
    assert {"first", "last", "euclidean"} <= set(names)
    [message] = [str(w.message) for w in caught if "acme-m" in str(w.message)]
    assert reason in message

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert registry.names("distance") == names
        registry.register(plugin_with_distance("new", object))  # looks all up anew
        assert registry.names("distance") == sorted([*names, "new"])
        [failure] = [f for f in registry.failures() if f.distribution == "acme-m"]
    assert reason in failure.reason
    assert not [w for w in caught if "acme-m" in str(w.message)]


def test_one_broken_hook_leaves_the_plugins_other_hooks_usable(install, registry):
    broken_hook = """
    @hookimpl
    def skmeta_backbones():
        raise OSError("disk on fire")
    """
    install("acme-half", HEALTHY.format(cls="Half", name="half") + broken_hook)
    with pytest.warns(plugins.PluginWarning, match=r"skmeta_backbones\(\).*acme-half"):
        registry.names("backbone")
    assert registry.get("distance", "half").__name__ == "Half"


def test_a_broken_plugin_stays_harmless_when_warnings_are_errors(install, registry):
    install("acme-a-broken", BROKEN["import error"][0])
    install("acme-fine", HEALTHY.format(cls="Fine", name="fine"))
    with warnings.catch_warnings():
        warnings.simplefilter("error", plugins.PluginWarning)
        with pytest.raises(plugins.PluginWarning, match="acme-a-broken"):
            registry.get("distance", "fine")
        assert registry.get("distance", "fine").__name__ == "Fine"


def test_hooks_of_a_later_skmeta_are_no_fault(install, registry):
    later_hook = """
    @hookimpl
    def skmeta_telepathy():
        return {}
    """
    install("acme-new", HEALTHY.format(cls="New", name="new") + later_hook)
    assert registry.get("distance", "new").__name__ == "New"
    assert "acme-new" not in {failure.distribution for failure in registry.failures()}


def test_a_clash_is_an_error_that_names_both_and_the_full_names_resolve_it(
    install, registry
):
    one = install("acme-one", HEALTHY.format(cls="One", name="taxi"))
    two = install("acme-two", HEALTHY.format(cls="Two", name="taxi"))
    install("acme-other", HEALTHY.format(cls="Other", name="other"))

    assert registry.get("distance", "other").__name__ == "Other"
    with pytest.raises(ValueError, match=r"'acme-one:taxi' or 'acme-two:taxi'"):
        registry.get("distance", "taxi")
    assert registry.get("distance", "acme-one:taxi") is sys.modules[one].One
    assert registry.get("distance", "acme-two:taxi") is sys.modules[two].Two


def test_a_clash_with_a_built_in_is_resolved_by_skmetas_own_name(install, registry):
    module = install("acme-euclid", HEALTHY.format(cls="Euclid", name="euclidean"))
    with pytest.raises(ValueError, match="'acme-euclid:euclidean' or 'skmeta:euclid"):
        registry.get("distance", "euclidean")
    assert registry.get("distance", "skmeta:euclidean").__module__.startswith("skmeta.")
    assert registry.get("distance", "acme-euclid:euclidean").__module__ == module


def test_every_listed_name_can_be_looked_up_also_after_a_clash(install, registry):
    install("acme-one", HEALTHY.format(cls="One", name="taxi"))
    install("acme-two", HEALTHY.format(cls="Two", name="taxi"))
    names = registry.names("distance")
    assert {"acme-one:taxi", "acme-two:taxi", "euclidean"} <= set(names)
    assert "taxi" not in names
    assert len({registry.get("distance", name) for name in names}) == len(names)


def test_an_unknown_name_is_answered_with_the_closest_and_the_command(registry):
    with pytest.raises(ValueError, match=r"mean 'euclidean'.*python -m skmeta plu"):
        registry.get("distance", "euclidian")
    with pytest.raises(ValueError, match="mean 'skmeta:euclidean'"):
        registry.get("distance", "skmeta:euclidian")


def test_an_unknown_name_is_answered_with_the_plugins_that_failed(install, registry):
    install("acme-gone", BROKEN["import error"][0])
    with (
        pytest.warns(plugins.PluginWarning),
        pytest.raises(ValueError, match=r"failed to load: .*acme-gone"),
    ):
        registry.get("distance", "gone")


def test_an_unknown_kind_is_an_error_that_names_the_kinds(registry):
    with pytest.raises(ValueError, match="'algorithm', 'backbone', 'distance'"):
        registry.names("distnace")


def test_the_built_in_algorithms_have_names():
    assert {"maml", "anil", "protonet"} <= set(plugins.names("algorithm"))
    assert {"mlp", "linear", "identity"} <= set(plugins.names("backbone"))


def test_a_plugin_of_this_process_comes_and_goes(registry):
    class Taxi:
        pass

    before = registry.names("distance")
    assert registry.register(plugin_with_distance("taxi", Taxi), "mine") == "mine"
    assert registry.get("distance", "taxi") is Taxi
    assert registry.get("distance", "mine:taxi") is Taxi
    registry.unregister("mine")
    assert registry.names("distance") == before
    with pytest.raises(ValueError, match="mine"):
        registry.unregister("mine")


def test_registering_what_has_no_hook_is_an_error_and_leaves_no_trace(registry):
    module = types.ModuleType("hookless")
    with pytest.raises(TypeError, match="hookimpl"):
        registry.register(module)
    module.skmeta_distances = plugin_with_distance("taxi", object).skmeta_distances
    registry.register(module)
    assert registry.get("distance", "taxi") is object


@pytest.fixture
def shared_with_plugin(monkeypatch):
    """Return a module that a plugin's source can import by the same name."""
    module = types.ModuleType("shared_with_plugin")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_a_plugin_may_look_a_name_up_while_it_loads(
    install, registry, shared_with_plugin
):
    shared_with_plugin.registry = registry
    look_up = """
    from shared_with_plugin import registry
    assert "euclidean" in registry.names("distance")
    """
    install("acme-curious", look_up + HEALTHY.format(cls="Curious", name="curious"))
    assert "curious" in registry.names("distance")


def test_no_thread_is_answered_before_every_plugin_is_loaded(
    install, registry, shared_with_plugin
):
    shared_with_plugin.loading = threading.Event()
    shared_with_plugin.answered = threading.Event()
    # Holds its import open for an answer that must not come.
    hold = """
    from shared_with_plugin import answered, loading
    loading.set()
    answered.wait(0.2)
    """
    install("acme-slow", hold + HEALTHY.format(cls="Slow", name="slow"))
    first = threading.Thread(target=registry.names, args=["distance"])
    first.start()
    assert shared_with_plugin.loading.wait(10)
    names = registry.names("distance")
    shared_with_plugin.answered.set()
    first.join()
    assert "slow" in names


def test_the_listing_has_a_line_per_name_and_per_failure(install, registry):
    install("acme-one", HEALTHY.format(cls="One", name="taxi"), version="1.2")
    install("acme-two", HEALTHY.format(cls="Two", name="taxi"), version="3.4")
    install("acme-gone", BROKEN["import error"][0])
    with pytest.warns(plugins.PluginWarning, match="acme-gone"):
        lines = registry.listing().splitlines()

    [one] = [line for line in lines if "acme-one" in line]
    assert one.split()[:4] == ["distance", "taxi", "acme-one", "1.2"]
    assert "A One distance." in one
    assert "More about it" not in one
    assert one.endswith("say 'acme-one:taxi'")
    [gone] = [line for line in lines if "acme-gone" in line]
    assert "failed: ModuleNotFoundError" in gone
    [euclidean] = [line for line in lines if line.split()[1] == "euclidean"]
    assert euclidean.endswith("ready")
    # Aligned: the distribution begins in the same column everywhere.
    column = lines[0].index("distribution")
    assert one[column:].startswith("acme-one")
    assert euclidean[column:].startswith("skmeta")


def test_every_built_in_algorithm_has_a_row_in_the_docs():
    docs = Path(__file__).parent.parent / "docs" / "algorithms.md"
    rows = set(re.findall(r"^\| `([\w+]+)` \|", docs.read_text(), flags=re.MULTILINE))
    built_in = {
        e.name for e in plugins.entries("algorithm") if e.distribution == "skmeta"
    }
    assert rows == built_in
