"""Files that are whole at every moment."""

import os
import secrets
import stat
from pathlib import Path

__all__ = ["replace_file"]


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
    if os.name == "posix":  # the name in its folder must last as well
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
