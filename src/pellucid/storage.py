"""Where files go, and writing them so that a crash or a full disk never costs an older one."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from pellucid.errors import DataError


def cache_folder() -> Path:
    """Where downloads are kept: PELLUCID_CACHE, or the user's cache folder. It may not exist yet."""
    chosen = os.environ.get("PELLUCID_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("pellucid")


def reason(error: OSError) -> str:
    """What the system said, as the end of a sentence: "permission denied"."""
    if isinstance(error, FileExistsError):
        return f"{error.filename} is in the way, and not a folder"
    text = error.strerror or str(error) or type(error).__name__
    return text[:1].lower() + text[1:]


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Create a folder with its parents, and make sure now that files can be written to it.

    Raises:
        DataError: "cannot write RUNS/A: ..."; also when a file has that name.
    """
    folder = Path(path)
    probe = folder / _temporary_name()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise DataError(f"cannot write {folder}: {reason(error)}") from None
    return folder


def write_aside(path: str | os.PathLike[str], write: Callable[[BinaryIO], None]) -> None:
    """Write a file completely or not at all.

    `write` fills a new file in the same folder. Only when its bytes are on the disk does it take the place
    of `path`; on any failure the new file is removed, and what `path` held before is untouched. Missing
    folders are made. A symbolic link is followed, so that the link stays.

    Raises:
        DataError: "cannot write RUNS/A: permission denied"; also when `path` is not a regular file.
    """
    try:
        destination = Path(os.path.realpath(path))
        if destination.exists() and not destination.is_file():
            raise DataError(f"cannot write {path}: it exists and is not a regular file")
        destination.parent.mkdir(parents=True, exist_ok=True)
        temporary = destination.with_name(_temporary_name())
        try:
            with temporary.open("xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(destination)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        synchronize_folder(destination.parent)
    except OSError as error:
        raise DataError(f"cannot write {path}: {reason(error)}") from None


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write these bytes by `write_aside`."""

    def write(file: BinaryIO) -> None:
        file.write(content)

    write_aside(path, write)


def synchronize_folder(folder: Path) -> None:
    """Put a folder's entries on the disk, so that a rename in it survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot do this for folders; the rename itself has happened.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def _temporary_name() -> str:
    return f".pellucid-{os.getpid()}-{secrets.token_hex(4)}.tmp"
