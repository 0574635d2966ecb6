"""Calls are made where joblib has been told to, and say there what they say here."""

import os
import threading
import warnings

import joblib
import pytest
import sklearn
from joblib.parallel import BACKENDS, ThreadingBackend

from skmeta.utils.parallel import call_all, is_sequential


def where(number):
    return number, os.getpid(), threading.get_ident()


def told_of(number):
    warnings.warn(f"there were {number % 2}", RuntimeWarning, stacklevel=1)
    routes = sklearn.get_config()["enable_metadata_routing"]
    return routes, is_sequential(), os.getpid()


def test_without_a_word_calls_are_made_here_in_their_order():
    assert is_sequential()
    here = (os.getpid(), threading.get_ident())
    assert call_all(where, [(1,), (2,)]) == [(1, *here), (2, *here)]


def test_threads_are_taken():
    with joblib.parallel_config("threading", n_jobs=2):
        assert not is_sequential()
        found = call_all(where, [(number,) for number in range(4)])
    assert [number for number, *_ in found] == [0, 1, 2, 3]
    assert {pid for _, pid, _ in found} == {os.getpid()}
    assert threading.get_ident() not in {thread for *_, thread in found}


def test_other_processes_have_the_configuration_and_their_warnings_are_heard():
    with (
        sklearn.config_context(enable_metadata_routing=True),
        joblib.parallel_config("loky", n_jobs=2),
        pytest.warns(RuntimeWarning, match="there were") as caught,
    ):
        found = call_all(told_of, [(number,) for number in range(6)])
    assert {routes for routes, *_ in found} == {True}
    assert {alone for _, alone, _ in found} == {True}  # no processes of processes
    assert os.getpid() not in {pid for *_, pid in found}
    said = [str(each.message) for each in caught]
    assert sorted(said) == ["there were 0", "there were 1"]
    assert all(each.filename == __file__ for each in caught)


def test_ray_that_was_not_told_how_many_computes_here_and_says_so(monkeypatch):
    module = {"__module__": "ray.util.joblib.ray_backend"}
    ray = type("RayBackend", (ThreadingBackend,), module)
    monkeypatch.setitem(BACKENDS, "ray", ray)
    with joblib.parallel_config("ray"):
        assert is_sequential()
        with pytest.warns(UserWarning, match="n_jobs=-1") as caught:
            found = call_all(where, [(1,), (2,)])
    here = (os.getpid(), threading.get_ident())
    assert found == [(1, *here), (2, *here)]
    assert [each.filename for each in caught] == [__file__]
    with joblib.parallel_config("ray", n_jobs=2):
        assert not is_sequential()
