"""A file is whole, and where the path leads."""

import os

import pytest

from skmeta.utils.files import replace_file


def test_a_symbolic_link_stays_one(tmp_path):
    (tmp_path / "store").mkdir()
    target, link = tmp_path / "store" / "v1", tmp_path / "current"
    target.write_bytes(b"old")
    link.symlink_to(target)
    replace_file(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path / "store") == ["v1"]


def test_a_link_to_a_file_that_is_still_to_come_is_followed(tmp_path):
    link = tmp_path / "current"
    link.symlink_to(tmp_path / "v2")
    replace_file(link, b"new")
    assert link.is_symlink()
    assert (tmp_path / "v2").read_bytes() == b"new"


@pytest.mark.skipif(os.name != "posix", reason="needs modes of files")
def test_rights_are_those_of_the_old_file_or_of_the_process(tmp_path):
    path = tmp_path / "a"
    before = os.umask(0o027)
    try:
        replace_file(path, b"1")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640
    path.chmod(0o600)
    replace_file(path, b"2")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name != "posix", reason="needs devices that are files")
def test_a_device_is_not_replaced():
    with pytest.raises(OSError, match="is no file"):
        replace_file(os.devnull, b"gone")
    assert not os.path.isfile(os.devnull)


def test_a_folder_is_not_replaced(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="is no file"):
        replace_file(tmp_path / "a", b"1")
    assert os.listdir(tmp_path) == ["a"]
