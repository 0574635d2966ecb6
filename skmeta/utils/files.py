"""Files that are whole at every moment, and folders of one process."""

import os
import secrets
import stat
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no locks of folders
    fcntl = None  # type: ignore[assignment]

__all__ = ["FolderLock", "replace_file", "sync_folder"]


def replace_file(path: str | os.PathLike, data: bytes) -> None:
    """Write a file so that there is the old one or the new one at every moment.

    A symbolic link stays one, and what it points to is replaced. So do the rights of an
    old file.

    Parameters
    ----------
    path : str or path-like
        The file; its folder must exist.
    data : bytes
        All of it.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    OSError
        If something else than a file is there, such as a folder or a device.
    """
    path = Path(os.path.realpath(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {str(path.parent)!r} to write to.")
    rights = None
    if path.exists():
        if not path.is_file():
            raise OSError(f"{str(path)!r} is no file that could be replaced.")
        rights = stat.S_IMODE(path.stat().st_mode)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(temporary, flags, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if rights is not None:
            os.chmod(temporary, rights)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    sync_folder(path.parent)


def sync_folder(folder: str | os.PathLike) -> None:
    """See that the names of the files in a folder last, where the system can tell.

    Parameters
    ----------
    folder : str or path-like
        What is in its files is not looked at.
    """
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class FolderLock:
    """A folder that one at a time may have; the system frees it when a process ends.

    It leaves nothing in the folder. Where the system cannot lock folders, as on Windows
    and in some shared ones, everyone gets it.

    Parameters
    ----------
    folder : str or path-like
        A folder that is there.
    """

    def __init__(self, folder: str | os.PathLike):
        self._folder = folder
        self._handle: int | None = None

    def acquire(self) -> bool:
        """Take the folder; tell whether it was free."""
        if fcntl is None:
            return True
        self._handle = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            return False
        except OSError:  # this file system knows no locks
            pass
        return True

    def release(self) -> None:
        """Let the folder go."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
