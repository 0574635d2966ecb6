"""Values, counts and lists in words, and warnings that name the user's line."""

import contextlib
import sys
import threading
import types
import warnings
from textwrap import dedent

import numpy as np
import pytest

from skmeta.utils.messages import (
    collected,
    count,
    listed,
    say_once,
    show,
    silenced,
    warn,
)


@pytest.mark.parametrize(
    ("n", "words", "expected"),
    [
        (0, ["task"], "0 tasks"),
        (1, ["task"], "1 task"),
        (3, ["task"], "3 tasks"),
        (1, ["class", "classes"], "1 class"),
        (1200, ["class", "classes"], "1,200 classes"),
    ],
)
def test_things_are_counted_in_words(n, words, expected):
    assert count(n, *words) == expected


def test_words_are_joined_as_they_are_read():
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(("a", "b", "c")) == "a, b and c"


def test_a_long_list_of_values_is_cut_short():
    assert show(np.arange(3)) == "[0, 1, 2]"
    assert show(np.arange(10)) == str([*range(10)])
    assert show(np.arange(11)).endswith("9, ...]")
    assert show(np.arange(99), most=2) == "[0, 1, ...]"
    assert show(np.array(["a", "b"])) == "['a', 'b']"


# Warnings -------------------------------------------------------------------------


def inside(warn):
    """Return a function of a module of skmeta that warns."""
    module = types.ModuleType("skmeta.inner")
    module.warn = warn
    exec("def call():\n    warn('beware', RuntimeWarning)", vars(module))
    return module.call


def through(*modules, call):
    """Wrap a call in functions that stand in modules of these names."""
    for name in modules:
        module = types.ModuleType(name)
        module.call = call
        source = "def enter():\n    return call()"
        exec(compile(source, f"<{name}>", "exec"), vars(module))
        call = module.enter
    return call


def caught(call):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        call()
    [warning] = seen
    return warning


def here():
    return sys._getframe(1).f_lineno


@pytest.mark.parametrize("depth", [0, 1, 7])
def test_the_line_is_the_users_from_whatever_depth(depth):
    call, lines = through(*["skmeta.engine.net"] * depth, call=inside(warn)), []

    def use():
        lines.append(here() + 1)
        call()

    warning = caught(use)
    assert (warning.filename, [warning.lineno]) == (__file__, lines)
    assert str(warning.message) == "beware"
    assert warning.category is RuntimeWarning


@pytest.mark.parametrize(
    "between",
    [
        ["skmeta.engine.net"],
        ["skmeta.utils.messages", "skmeta"],
        ["skmeta", "sklearn.pipeline", "sklearn.model_selection._search"],
        ["skmeta", "skorch.net", "torch.nn.modules.module", "skmeta.estimators.base"],
        ["skmeta", "joblib.parallel", "contextlib", "concurrent.futures.thread"],
    ],
    ids="-".join,
)
def test_frames_of_libraries_are_passed_over(between):
    call, lines = through(*between, call=inside(warn)), []

    def use():
        lines.append(here() + 1)
        call()

    warning = caught(use)
    assert (warning.filename, [warning.lineno]) == (__file__, lines)


@pytest.mark.parametrize("users", ["__main__", "my_sklearn_code", "skmeta_gp.dkt", ""])
def test_other_packages_are_the_users_however_alike_their_names(users):
    assert caught(through(users, "sklearn", call=inside(warn))).filename == f"<{users}>"


def test_a_context_manager_of_ours_is_passed_over():
    inner = types.ModuleType("skmeta.inner")
    inner.warn, inner.contextlib = warn, contextlib
    source = """
    @contextlib.contextmanager
    def block():
        yield
        warn("beware")
    """
    exec(dedent(source), vars(inner))

    def use():
        with inner.block():
            pass

    assert caught(use).filename == __file__


def test_executed_code_without_a_module_is_the_users():
    code = compile("\n\ncall()", "<cell 1>", "exec")
    warning = caught(lambda: exec(code, {"call": inside(warn)}))
    assert (warning.filename, warning.lineno) == ("<cell 1>", 3)


def test_where_nobody_else_called_the_outermost_frame_is_named():
    # As in a thread of a library, which no line of the user's stands above.
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        thread = threading.Thread(target=inside(warn))
        thread.start()
        thread.join()
    assert [str(each.message) for each in seen] == ["beware"]
    assert seen[0].filename == threading.__file__


def test_blocks_of_silence_that_overlap_leave_the_filters_as_they_were():
    before = list(warnings.filters)
    first, second = silenced(), silenced(RuntimeWarning, "beyond")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    with pytest.warns(UserWarning, match="heard"):
        warnings.warn("heard", UserWarning, stacklevel=1)
    with warnings.catch_warnings(record=True) as said:
        warnings.warn("beyond all", RuntimeWarning, stacklevel=1)
    assert not said
    second.__exit__(None, None, None)
    assert list(warnings.filters) == before


# What several members say ---------------------------------------------------------


def all_caught(call):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        call()
    return [(str(each.message), each.category) for each in seen]


def test_what_members_say_is_said_once_with_their_names():
    said = {}

    def tell(*each):
        with collected() as own:
            for message, category in each:
                warn(message, category)
        return own

    def call():
        said["a"] = tell(("beware", UserWarning), ("beware", UserWarning))
        said["b"] = tell(("R2D2 lost 1,200 of 2e4 rows", RuntimeWarning))
        said["c/0"] = tell(("beware", UserWarning), ("beware", FutureWarning))
        said["c/1"] = tell(("R2D2 lost 3 of 5 rows", RuntimeWarning))
        said["x/7"] = tell(("R3D3 lost 3 of 5 rows", RuntimeWarning))
        say_once(said)

    assert all_caught(call) == [
        ("beware (Of the members 'a' and 'c'.)", UserWarning),
        ("R2D2 lost 1,200 of 2e4 rows (Of the members 'b' and 'c'.)", RuntimeWarning),
        ("beware (Of the member 'c'.)", FutureWarning),
        ("R3D3 lost 3 of 5 rows (Of the member 'x/7'.)", RuntimeWarning),
    ]


def test_what_is_silenced_is_not_said_later():
    def call():
        with collected() as said, silenced():
            warn("beware")
        assert said == []
        with silenced(), collected() as said:
            warn("beware")
        assert said == [("beware", UserWarning)]

    assert all_caught(call) == []


def test_an_error_does_not_swallow_what_was_said():
    def interrupted():
        warn("interrupted")
        raise KeyboardInterrupt

    def call():
        with pytest.raises(KeyboardInterrupt), collected():
            interrupted()

    assert all_caught(call) == [("interrupted", UserWarning)]
