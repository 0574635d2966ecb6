"""What a file may name: what is known, and nothing else."""

import os

import numpy as np
import pandas as pd
import pytest
import torch

import skmeta
from skmeta import LoadError, SaveError, plugins
from skmeta.backbones import MLP
from skmeta.saving.values import Reader, Writer
from tests.saving.conftest import assert_refused, edited, small, table, through_file

pytestmark = pytest.mark.filterwarnings("ignore:.*too small:UserWarning")


class Mine(MLP):
    """A backbone that no plugin offers."""


class Offer:
    @staticmethod
    @skmeta.hookimpl
    def skmeta_backbones():
        return {"mine": Mine}


def test_what_is_not_registered_cannot_be_saved_and_nothing_is_written(tmp_path):
    X, y, groups = table()
    meta = small(backbone=Mine((8,))).fit(X, y, groups=groups)
    with pytest.raises(SaveError, match=r"backbone: Mine .*skmeta\.plugins\.register"):
        meta.save(tmp_path / "a")
    assert not os.listdir(tmp_path)
    name = plugins.register(Offer(), "at-home")
    try:
        again = through_file(meta, tmp_path / "a")
        assert type(again.backbone) is Mine
    finally:
        plugins.unregister(name)
    with pytest.raises(LoadError, match=r"'mine' of the plugin 'at-home'.*register"):
        skmeta.load(tmp_path / "a")


@pytest.mark.parametrize("value", [torch.tanh, len, lambda a, b: a, object()])
def test_functions_and_objects_cannot_be_saved(value, tmp_path):
    writer = skmeta.saving.values.Writer()
    with pytest.raises(SaveError, match="Cannot save distance"):
        writer.write(value, "distance")


def test_a_missing_plugin_is_named(saved, tmp_path):
    def of_a_plugin(document):
        algorithm = document["estimator"]["fitted"]["algorithm_"]
        algorithm |= {"name": "gpx", "distribution": "skmeta-gpx", "version": "1.2"}

    match = r"'gpx' of skmeta-gpx 1\.2.*pip install 'skmeta-gpx==1\.2'"
    assert_refused(edited(saved, of_a_plugin), tmp_path, match)


@pytest.mark.parametrize(
    "value",
    [
        {"$": "optimizer", "name": "os.system"},
        {"$": "optimizer", "name": "lr_scheduler"},
        {"$": "named", "name": "Tensor", "items": []},
        {"$": "partial", "of": {"$": "date", "is": "2024-01-01"}, "with": {}},
        {"$": "partial", "of": "os.system", "with": {}},
        {"$": "algorithm", "name": "os", "distribution": "os", "version": ""},
        {"$": "eval", "is": "1"},
        {"$": "items", "dtype": "nothing", "shape": [0], "items": []},
        {"$": "array", "dtype": "O", "name": "nothing"},
        {"$": ["list"]},
    ],
)
def test_a_forged_file_can_only_say_what_is_known(saved, value, tmp_path):
    def forge(document):
        document["estimator"]["fitted"]["scale_"] = value

    assert_refused(edited(saved, forge), tmp_path, "refused.skmeta")


def test_a_forged_file_cannot_replace_a_method(saved, tmp_path):
    def forge(document):
        document["estimator"]["fitted"]["predict"] = 1

    assert_refused(edited(saved, forge), tmp_path, "no attribute of a fit")


@pytest.mark.parametrize("dtype", ["<U1", "<U64", "<U300", "<U5000"])
def test_text_comes_back_however_wide_its_array_was(dtype):
    given = np.array([["ab", "ü"], ["", "x" * 90]]).astype(dtype)
    writer = Writer()
    again = Reader(writer.tensors).read(writer.write(given, "names"))
    np.testing.assert_array_equal(again, given)
    if given.dtype.itemsize <= 4 * 64:
        assert again.dtype == given.dtype


def test_a_tensor_is_read_once():
    """Each time it is read is a copy of it in memory."""
    writer = Writer()
    content = writer.write(np.zeros(3), "values")
    with pytest.raises(LoadError, match="'values', or names it twice"):
        Reader(writer.tensors).read([content, content])


def test_a_source_of_random_numbers_that_no_file_keeps_is_not_saved():
    source = np.random.RandomState(np.random.PCG64(0))
    with pytest.raises(
        SaveError, match=r"random_state: .*MT19937.*PCG64\. Pass a seed"
    ):
        Writer().write(source, "random_state")


@pytest.mark.parametrize(("given", "kept"), [("<U64", "<U64"), ("<U65", "<U2")])
def test_text_keeps_its_width_unless_it_is_very_wide(given, kept):
    writer = Writer()
    names = np.array(["ab", "c"], dtype=given)
    assert Reader(writer.tensors).read(writer.write(names, "names")).dtype == kept


def test_tables_come_back_column_by_column():
    frame = pd.DataFrame({"size": [1.5, np.nan], 7: ["a", None], "n": [1, 2]})
    writer = Writer()
    again = Reader(writer.tensors).read(writer.write(frame, "rows"))
    pd.testing.assert_frame_equal(again, frame)
    with pytest.raises(SaveError, match="Cannot save rows: Series is no table"):
        Writer().write(frame["size"], "rows")


def test_a_value_of_an_unknown_type_is_named():
    with pytest.raises(LoadError, match="unknown type 'eval'"):
        Reader({}).read([{"deep": {"$": "eval", "is": "1"}}])


def test_optimizers_of_torch_come_back():
    writer = Writer()
    for cls in (torch.optim.Adam, torch.optim.SGD, torch.optim.LBFGS):
        assert Reader({}).read(writer.write(cls, "optimizer")) is cls
