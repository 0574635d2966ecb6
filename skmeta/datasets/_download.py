"""Files from the web: fetched once, checked by their SHA256, kept in a data folder."""

from __future__ import annotations

import hashlib
import os
import shutil
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.request import urlopen

from tqdm.auto import tqdm

from skmeta.utils.messages import warn

__all__ = ["RemoteFile", "data_folder", "fetch"]

_TIMEOUT = 30  # seconds without a byte


class RemoteFile(NamedTuple):
    """A file on the web and the checksum that tells it from any other."""

    url: str
    sha256: str

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]


def data_folder(data_home: str | os.PathLike | None, dataset: str) -> Path:
    """Return where the files of a data set belong, whether or not the folder is there.

    `data_home` defaults to the environment variable SKMETA_DATA, then to ~/skmeta_data.
    """
    if data_home is None:
        data_home = os.environ.get("SKMETA_DATA") or "~/skmeta_data"
    return Path(data_home).expanduser() / dataset


def fetch(
    remote: RemoteFile, folder: Path, *, download_if_missing: bool = True
) -> Path:
    """Return the path of the checked file in `folder`; download it where need be.

    Raises
    ------
    OSError
        If the file is missing or another one and may not be or could not be downloaded.
        What the folder held is then as it was.
    """
    path = folder / remote.name
    by_hand = f"download {remote.url} by hand to {path}"
    if path.exists():
        found = _sha256(path)
        if found == remote.sha256:
            return path
        complaint = (
            f"{path} is not the file it should be: its SHA256 is {found}, "
            f"not {remote.sha256}."
        )
        if download_if_missing:
            warn(f"{complaint} It is downloaded again.")
    else:
        complaint = f"{path} does not exist."
    if not download_if_missing:
        raise OSError(
            f"{complaint} Set download_if_missing=True, name the folder that holds the "
            f"data by data_home or the environment variable SKMETA_DATA, or {by_hand}."
        )
    try:
        _download(remote, path)
    except (OSError, HTTPException) as error:
        raise OSError(
            f"Could not download {remote.name} ({error}). Is this machine online? "
            f"If it cannot be, {by_hand}."
        ) from error
    return path


def _download(remote: RemoteFile, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # The file comes in whole or not at all: half a download, or another file, stays in
    # a folder that goes, and processes that download at once do not meet.
    with TemporaryDirectory(prefix=".download-", dir=path.parent) as folder:
        part = Path(folder) / path.name
        with urlopen(remote.url, timeout=_TIMEOUT) as response, part.open("wb") as file:
            size = response.headers.get("Content-Length")
            bar = {"desc": f"download {remote.name}", "total": size and int(size)}
            with tqdm.wrapattr(response, "read", **bar) as body:
                shutil.copyfileobj(body, file)
        found = _sha256(part)
        if found != remote.sha256:
            raise OSError(f"what came has the SHA256 {found}, not {remote.sha256}")
        part.replace(path)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
