"""What an import of skmeta brings, and what it leaves for later."""

import importlib
import subprocess
import sys

import pytest

import skmeta
from skmeta import _HOME_OF, _ROOMS

HEAVY = ("torch", "skorch", "sklearn", "scipy", "pandas", "matplotlib")


# What an estimator needs when it is fitted, saved or judged, not before.
LATER = (
    "sklearn.linear_model",
    "sklearn.ensemble",
    "sklearn.neighbors",
    "sklearn.compose",
    "sklearn.impute",
    "sklearn.dummy",
    "safetensors",
    "skops",
    "matplotlib",
    "skmeta.algorithms.maml",
    "skmeta.algorithms.gp",
    "skmeta.ensemble",
    "skmeta.estimators.few_shot.base",
    "skmeta.model_selection._plain_ways",
    "skmeta.pipelines",
    "skmeta.saving.estimators",
    "skmeta.tables.preprocessing",
)


def in_a_new_process(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_an_import_brings_nothing_heavy():
    code = f"import sys, skmeta; print(*[m for m in {HEAVY} if m in sys.modules])"
    assert in_a_new_process(code).split() == []


def test_an_estimator_brings_what_trains_it_and_no_more():
    code = (
        "import sys; from skmeta import MetaClassifier, MetaRegressor\n"
        f"print(*[m for m in {LATER} if m in sys.modules])"
    )
    assert in_a_new_process(code).split() == []


@pytest.mark.parametrize(
    "room",
    [
        *("algorithms", "algorithms.shared", "augmentations", "backbones", "engine"),
        *("episodes", "estimators", "estimators.few_shot", "model_selection"),
        *("saving", "tables", "tables.meta_dataset"),
    ],
)
def test_rooms_offer_what_they_list_and_nothing_else(room):
    package = importlib.import_module(f"skmeta.{room}")
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match=f"'skmeta.{room}' has no .*'nowhere'"):
        package.nowhere  # noqa: B018


def test_the_version_is_told_without_torch():
    code = (
        "import sys\n"
        "from skmeta.__main__ import main\n"
        "try:\n"
        "    main(['--version'])\n"
        "except SystemExit:\n"
        "    print([m for m in ('torch', 'skorch') if m in sys.modules])\n"
    )
    version, loaded = in_a_new_process(code).splitlines()
    assert version == skmeta.__version__
    assert loaded == "[]"


def test_every_public_name_is_there():
    assert set(skmeta.__all__) <= set(dir(skmeta))
    assert set(skmeta.__all__) == {*_HOME_OF, "__version__", "ensemble"}
    for name in skmeta.__all__:
        assert getattr(skmeta, name) is not None
    place = {}
    exec("from skmeta import *", place)
    assert set(skmeta.__all__) <= set(place)


def test_rooms_need_no_import_of_their_own():
    rooms = sorted(_ROOMS)
    code = f"import skmeta\nfor r in {rooms}: print(getattr(skmeta, r).__name__)"
    assert in_a_new_process(code).split() == [f"skmeta.{room}" for room in rooms]


def test_a_process_that_only_loads_knows_what_files_bring():
    trusted = in_a_new_process("import skmeta; print(*skmeta.TRUSTED_TYPES)").split()
    names = {each.rpartition(".")[2] for each in trusted}
    assert {"MetaClassifier", "FewShotRegressor", "MetaStackingClassifier"} < names


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'MetaClasifier'"):
        skmeta.MetaClasifier  # noqa: B018
    for ask in (lambda: skmeta.MetaClasifier, lambda: skmeta.datasets.load_movielense):
        with pytest.raises(AttributeError) as caught:  # Python guesses by the two
            ask()
        assert caught.value.name not in dir(caught.value.obj)
        assert caught.value.obj in (skmeta, skmeta.datasets)
    with pytest.raises(ImportError, match="MetaClasifier"):
        from skmeta import MetaClasifier  # noqa: F401
