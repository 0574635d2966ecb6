"""A file that is not whole, or not ours, is refused with a clear error."""

import json
import os
import pickle
import struct

import numpy as np
import pytest
import torch
from safetensors import safe_open

import skmeta
from skmeta import MetaClassifier
from tests.saving.conftest import assert_refused, edited

pytestmark = pytest.mark.filterwarnings("ignore:.*too small:UserWarning")


def test_the_file_says_who_wrote_it_to_any_reader_of_safetensors(meta, tmp_path):
    meta.save(tmp_path / "a")
    with safe_open(tmp_path / "a", framework="np") as opened:
        document = json.loads(opened.metadata()["skmeta"])
        names = set(opened.keys())
    assert document["format"] == 3
    assert document["versions"]["torch"] == torch.__version__
    assert document["versions"].keys() >= {"skmeta", "scikit-learn", "numpy", "python"}
    assert {f"module_.{name}" for name in meta.module_.state_dict()} <= names


def test_a_failed_save_leaves_the_old_file(meta, tmp_path, monkeypatch):
    meta.save(tmp_path / "a")
    before = (tmp_path / "a").read_bytes()

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        meta.save(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == before
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("share", [0.0, 0.00001, 0.1, 0.5, 0.99, 0.9999])
def test_a_truncated_file_is_refused(saved, share, tmp_path):
    assert_refused(saved[: int(share * len(saved))], tmp_path, "damaged|not written")


def test_a_flipped_bit_anywhere_is_noticed(saved, tmp_path):
    for place in np.linspace(0, len(saved) - 1, 40).astype(int):
        data = bytearray(saved)
        data[place] ^= 0x10
        assert_refused(bytes(data), tmp_path, "damaged|not written")


def test_other_files_are_refused(saved, tmp_path):
    assert_refused(pickle.dumps({"a": 1}), tmp_path, "is a pickle.*joblib.load")
    assert_refused(struct.pack("<Q", 2) + b"{}", tmp_path, "not written by skmeta")
    with pytest.raises(FileNotFoundError):
        skmeta.load(tmp_path / "nowhere")


def test_a_later_format_asks_for_an_upgrade(saved, tmp_path):
    def later(document):
        document["format"] = 4
        document["versions"]["skmeta"] = "9.1"

    assert_refused(edited(saved, later), tmp_path, r"format 4, of skmeta 9\.1.*Upgrade")


def test_a_folder_that_is_not_there_is_named(wine, tmp_path):
    X, y, groups = wine
    meta = MetaClassifier("maml", max_epochs=1, tasks_per_epoch=8, random_state=0)
    meta.fit(X, y, groups=groups)
    with pytest.raises(FileNotFoundError, match=r"no folder '.*elsewhere'"):
        meta.save(tmp_path / "elsewhere" / "wine.skmeta")
