"""A website and a data folder to fetch Omniglot with."""

import hashlib
import io
import os
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from zipfile import ZipFile

import pytest
from PIL import Image

from skmeta.datasets import _omniglot
from skmeta.datasets._download import RemoteFile, data_folder

CELL = 15  # a made-up character inks one cell of 15 x 15 pixels, of 7 x 7 cells
ALPHABETS = {"Elvish": 0, "Klingon_(pIqaD)": 10}  # and the cell of its first character


def png(cell):
    """Draw a character as the official files have it: one bit, black ink on white."""
    paper = Image.new("1", (105, 105), 1)
    row, column = divmod(cell, 7)
    x, y = CELL * column, CELL * row
    paper.paste(0, (x, y, x + CELL, y + CELL))
    file = io.BytesIO()
    paper.save(file, "PNG")
    return file.getvalue()


def drawings(alphabet):
    """Return three drawings, in no order, of each of an alphabet's two characters."""
    return {
        f"images/{alphabet}/character{c + 1:02}/{c:04}_{d:02}.png": png(
            ALPHABETS[alphabet] + c
        )
        for c in (1, 0)
        for d in (2, 10, 1)
    }


def write_zip(path, members):
    with ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.fixture
def website(tmp_path, monkeypatch):
    """Serve a folder, the home of the official files for the time of a test."""
    root = tmp_path / "website"
    root.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            website.requests += 1

    class Website(ThreadingHTTPServer):
        requests = 0

        def publish(self, part, members):
            path = root / f"{part}.zip"
            write_zip(path, members)
            url = f"http://127.0.0.1:{self.server_port}/{path.name}"
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            monkeypatch.setitem(_omniglot.FILES, part, RemoteFile(url, sha256))
            return path

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    website = Website(("127.0.0.1", 0), partial(Handler, directory=str(root)))
    thread = Thread(target=website.serve_forever, args=(0.01,))
    thread.start()
    yield website
    website.shutdown()
    thread.join()
    website.server_close()


@pytest.fixture
def home(website, tmp_path):
    """An empty data folder, and two alphabets to download."""
    everything = {**drawings("Klingon_(pIqaD)"), **drawings("Elvish")}
    # Archives of the web bring more than they should.
    junk = {"images/": b"", "__MACOSX/images/Elvish/character01/._0000_01.png": b"?"}
    website.publish("small1", everything | junk)
    return tmp_path / "home"


@pytest.fixture(scope="module")
def official():
    """Return the data folder that holds the official files, if this machine has one."""
    beside = Path(__file__).parents[3] / "shared" / "data"
    for home in (os.environ.get("SKMETA_DATA"), "~/skmeta_data", beside):
        if home is None:
            continue
        folder = data_folder(home, "omniglot")
        if all((folder / _omniglot.FILES[f].name).exists() for f in ("small1", "runs")):
            return folder.parent
    pytest.skip("the official files are not here: run fetch_omniglot() to have them")
