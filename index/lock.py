"""The lock of a data directory: many readers or one writer among processes, by `flock`."""

import fcntl
import os
import sys
import time
from pathlib import Path
from typing import IO, Self

from index.exceptions import DataDirectoryBusy, DataDirectoryError

_POLL = 0.05  # seconds


class DirectoryLock:
    """Held from construction until `close`; shared for reading, exclusive for writing; waits for `wait` seconds."""

    def __init__(self, directory: Path, *, exclusive: bool, wait: float = 0.0) -> None:
        self._path = directory / "lock"
        self.exclusive = exclusive
        try:
            self._file: IO[str] = self._path.open("a+", encoding="utf-8")
        except OSError as error:
            raise unwritable(directory, error) from error
        deadline = time.monotonic() + wait
        while True:
            try:
                self._acquire(exclusive=exclusive)
            except DataDirectoryBusy:
                if time.monotonic() >= deadline:
                    self._file.close()
                    raise
                time.sleep(_POLL)
            else:
                return

    def make_exclusive(self) -> None:
        """Turn a shared lock into an exclusive one, or raise DataDirectoryBusy and keep the shared one."""
        if not self.exclusive:
            try:
                self._acquire(exclusive=True)
            except DataDirectoryBusy:
                # A failed conversion may have dropped the shared lock (flock(2)).
                fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                raise
            self.exclusive = True

    def make_shared(self) -> None:
        """Turn an exclusive lock into a shared one."""
        if self.exclusive:
            fcntl.flock(self._file, fcntl.LOCK_SH)
            self.exclusive = False

    def close(self) -> None:
        """Let other processes in."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _acquire(self, *, exclusive: bool) -> None:
        try:
            fcntl.flock(self._file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataDirectoryBusy(
                f"The data directory {self._path.parent} is in use by another process{self._holder()}.",
                "Stop that process, ask it instead (maqal serve answers over HTTP), or let several processes "
                "share a Chroma server: run `chroma run` and set INDEX_CHROMA_URL.",
            ) from error
        self._file.truncate(0)
        self._file.write(f"{os.getpid()} {' '.join([Path(sys.argv[0]).name, *sys.argv[1:2]])}")
        self._file.flush()

    def _holder(self) -> str:
        try:
            pid, _, command = self._path.read_text(encoding="utf-8").partition(" ")
        except OSError:
            return ""
        return f" ({command}, pid {pid})" if pid else ""


def unwritable(directory: Path, error: Exception) -> DataDirectoryError:
    """The error for a data directory that cannot be created or written, from the operating system's or SQLite's."""
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return DataDirectoryError(
        f"The data directory {directory} cannot be written: {reason}.",
        "Make it writable, or set INDEX_DATA_DIR to a directory that is.",
    )
