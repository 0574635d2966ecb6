"""Where this machine keeps the official files of Omniglot."""

import os

import pytest

from skmeta.datasets import _omniglot
from skmeta.datasets._download import data_folder


@pytest.fixture(scope="module")
def official():
    """Return the data folder that holds the official files, if this machine has one."""
    for home in (os.environ.get("SKMETA_DATA"), "~/skmeta_data"):
        if home is None:
            continue
        folder = data_folder(home, "omniglot")
        if all((folder / _omniglot.FILES[f].name).exists() for f in ("small1", "runs")):
            return folder.parent
    pytest.skip("the official files are not here: run fetch_omniglot() to have them")
