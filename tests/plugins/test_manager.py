"""Nothing of a plugin is imported before a look-up needs it."""

import subprocess
import sys
import threading
import types
from pathlib import Path
from textwrap import dedent

import pytest

from skmeta import hookspecs, plugins
from skmeta.hookspecs import hookimpl
from tests.plugin_sources import Taxi, distance_plugin


def test_a_plugin_loads_at_the_first_look_up_that_needs_it_and_not_before(install):
    module = install("acme-lazy", distance_plugin("Lazy", "lazy"))
    registry = plugins.Registry()
    assert module not in sys.modules
    registry.get("distance", "lazy")
    assert module in sys.modules


@pytest.mark.parametrize("kind", hookspecs.KINDS)
def test_looking_a_built_in_up_imports_no_plugin(install, kind):
    names = [e.name for e in plugins.entries(kind) if e.is_builtin]
    module = install("acme-lazy", distance_plugin("Lazy", "lazy"))
    registry = plugins.Registry()
    for name in names:
        registry.get(kind, name)
        registry.get(kind, f"skmeta:{name}")
    assert module not in sys.modules


def test_a_full_name_imports_no_other_plugin(install, registry):
    one = install("acme-one", distance_plugin("One", "taxi"))
    two = install("acme-two", distance_plugin("Two", "taxi"))
    # As a package index does, without regard to case and separators.
    assert registry.get("distance", "Acme_One:taxi").__name__ == "One"
    assert one in sys.modules
    assert two not in sys.modules


def test_a_hook_is_called_at_the_first_look_up_of_its_kind(registry):
    calls = []

    class Plugin:
        @hookimpl
        def skmeta_distances(self):
            calls.append("distance")
            return {"taxi": Taxi}

        @hookimpl
        def skmeta_backbones(self):
            calls.append("backbone")
            return {}

    registry.register(Plugin())
    registry.get("distance", "euclidean")
    assert calls == []
    registry.names("distance")
    registry.names("distance")
    assert calls == ["distance"]


def test_fitting_a_built_in_learner_loads_no_plugin(install, tmp_path):
    module = install("acme-eager", "raise RuntimeError('imported too early')")
    root = Path(plugins.__file__).parents[2]
    code = f"""
        import sys
        sys.path[:0] = [{str(tmp_path)!r}, {str(root)!r}]
        import skmeta, skmeta.plugins
        assert {module!r} not in sys.modules
        assert "skmeta.builtin" not in sys.modules
        from sklearn.datasets import load_iris
        meta = skmeta.MetaClassifier(
            "protonet", augment="feature_noise", tasks="classes", max_epochs=1,
            tasks_per_epoch=4,
        )
        meta.fit(*load_iris(return_X_y=True))
        assert {module!r} not in sys.modules
        [failure] = [
            f for f in skmeta.plugins.failures() if f.distribution == "acme-eager"
        ]
        assert "imported too early" in failure.reason
    """
    run = subprocess.run(
        [sys.executable, "-c", dedent(code)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


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
    look_up = dedent("""
    from shared_with_plugin import registry
    assert "euclidean" in registry.names("distance")
    """)
    install("acme-curious", look_up + distance_plugin("Curious", "curious"))
    assert "curious" in registry.names("distance")


def test_no_thread_is_answered_before_every_plugin_is_loaded(
    install, registry, shared_with_plugin
):
    shared_with_plugin.loading = threading.Event()
    shared_with_plugin.answered = threading.Event()
    # Holds its import open for an answer that must not come.
    hold = dedent("""
    from shared_with_plugin import answered, loading
    loading.set()
    answered.wait(0.2)
    """)
    install("acme-slow", hold + distance_plugin("Slow", "slow"))
    first = threading.Thread(target=registry.names, args=["distance"])
    first.start()
    assert shared_with_plugin.loading.wait(10)
    names = registry.names("distance")
    shared_with_plugin.answered.set()
    first.join()
    assert "slow" in names
