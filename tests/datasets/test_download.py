"""Files come once, whole and checked, or not at all."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from skmeta.datasets import _omniglot, fetch_omniglot
from skmeta.datasets._download import data_folder


def files_in(folder):
    return [path.name for path in folder.rglob("*") if path.is_file()]


def test_a_file_is_downloaded_once_and_progress_is_shown(
    home, website, monkeypatch, capsys
):
    monkeypatch.setattr(_omniglot, "BAR_DELAY", 0)
    fetch_omniglot(data_home=home)
    progress = capsys.readouterr().err
    assert "download small1.zip: 100%" in progress
    assert re.search(r"read small1.zip: 100%.* 12/12", progress)
    assert website.requests == 1
    assert files_in(home) == ["small1.zip"]
    fetch_omniglot(data_home=home, download_if_missing=False)
    fetch_omniglot(data_home=home)
    assert website.requests == 1


def test_a_file_with_another_checksum_never_gets_in_place(home):
    published = _omniglot.FILES["small1"]
    _omniglot.FILES["small1"] = published._replace(sha256="0" * 64)
    with pytest.raises(OSError, match=f"{published.sha256}, not {'0' * 64}"):
        fetch_omniglot(data_home=home)
    assert files_in(home) == []


def test_an_interrupted_download_leaves_nothing(home, monkeypatch):
    def interrupt(body, file):
        file.write(body.read(100))
        raise KeyboardInterrupt

    impatient = SimpleNamespace(copyfileobj=interrupt)
    monkeypatch.setattr("skmeta.datasets._download.shutil", impatient)
    with pytest.raises(KeyboardInterrupt):
        fetch_omniglot(data_home=home)
    assert list((home / "omniglot").iterdir()) == []


def test_another_file_in_its_place_is_refused_or_replaced(home):
    path = home / "omniglot" / "small1.zip"
    path.parent.mkdir(parents=True)
    path.write_text("<html>Page not found</html>")
    with pytest.raises(OSError, match="is not the file it should be"):
        fetch_omniglot(data_home=home, download_if_missing=False)
    assert path.read_text() == "<html>Page not found</html>"
    with pytest.warns(UserWarning, match="downloaded again"):
        assert len(fetch_omniglot(data_home=home).data) == 12


def test_offline_the_error_says_what_to_put_where(home, website):
    remote = _omniglot.FILES["small1"]
    path = home / "omniglot" / "small1.zip"
    by_hand = re.escape(f"download {remote.url} by hand to {path}")
    with pytest.raises(OSError, match=f"does not exist.*SKMETA_DATA.*{by_hand}"):
        fetch_omniglot(data_home=home, download_if_missing=False)
    assert not home.exists()
    website.server_close()  # nobody listens any more
    with pytest.raises(OSError, match=f"online.*{by_hand}"):
        fetch_omniglot(data_home=home)
    assert files_in(home) == []


def test_a_file_put_there_by_hand_serves(home, website):
    path = home / "omniglot" / "small1.zip"
    path.parent.mkdir(parents=True)
    path.write_bytes((home.parent / "website" / "small1.zip").read_bytes())
    assert (
        len(fetch_omniglot(data_home=str(home), download_if_missing=False).data) == 12
    )
    assert website.requests == 0


def test_the_data_folder_is_the_argument_then_the_environment_then_the_users(
    monkeypatch,
):
    monkeypatch.setenv("SKMETA_DATA", "~/environment")
    assert data_folder("argument", "omniglot") == Path("argument/omniglot")
    assert data_folder(None, "omniglot") == Path.home() / "environment/omniglot"
    monkeypatch.delenv("SKMETA_DATA")
    assert data_folder(None, "omniglot") == Path.home() / "skmeta_data/omniglot"
