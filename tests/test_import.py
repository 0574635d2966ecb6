"""What an import of skmeta brings, and what it leaves for later."""

import subprocess
import sys

import pytest

import skmeta
from skmeta import _HOME_OF, _ROOMS

HEAVY = ("torch", "skorch", "sklearn", "scipy", "pandas", "matplotlib")


def in_a_new_process(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_an_import_brings_nothing_heavy():
    code = f"import sys, skmeta; print(*[m for m in {HEAVY} if m in sys.modules])"
    assert in_a_new_process(code).split() == []


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
    code = (
        "import skmeta\n"
        "loads = skmeta.load\n"
        "from skmeta.saving.estimators import KINDS\n"
        "print(*KINDS, len(KINDS) <= len(skmeta.TRUSTED_TYPES))\n"
    )
    kinds = in_a_new_process(code).split()
    assert {"MetaClassifier", "FewShotRegressor", "MetaStackingClassifier"} < {*kinds}
    assert kinds[-1] == "True"


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'MetaClasifier'"):
        skmeta.MetaClasifier  # noqa: B018
    with pytest.raises(ImportError, match="MetaClasifier"):
        from skmeta import MetaClasifier  # noqa: F401
