"""The real `maqal serve` in a process of its own, over articles in a folder that is deleted afterwards."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from index.exceptions import ConfigurationError

_MAQAL = str(Path(sys.executable).with_name("maqal"))
_START_WAIT = 120.0  # seconds
_END_WAIT = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Service:
    """A service that is ready: where it listens, its process, and the seconds from its start until it was ready."""

    url: str
    pid: int
    ready_after: float

    def memory(self) -> float:
        """Resident memory in MiB (Linux)."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        if found is None:
            raise ConfigurationError(f"Process {self.pid} has no memory: it has ended.", "Look at the log above.")
        return int(found[1]) / 1024

    def processor_time(self) -> float:
        """Seconds that all its threads have run for, in the program and in the system (Linux)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def service(articles: Sequence[Path], **variables: str) -> Iterator[Service]:
    """Index the bundled article and others, and serve them on loopback. Raises ConfigurationError."""
    with running_maqal(["serve", "--port", "0"], articles, **variables) as (process, log):
        began = time.perf_counter()
        url = _ready(process, log, began)
        yield Service(url, process.pid, time.perf_counter() - began)


@contextmanager
def running_maqal(
    command: Sequence[str], articles: Sequence[Path], **variables: str
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Index the bundled article and others, and run a command of maqal over them; its process, and what it logs."""
    with TemporaryDirectory(prefix="maqal-load-") as folder:
        prefixes = ("API_", "INDEX_", "RAG_", "SLACK_")
        own = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
        environment = own | {"INDEX_DATA_DIR": f"{folder}/data"} | variables
        # Started in the folder, where no `.env` is.
        subprocess.run(
            [_MAQAL, "index", "--bundled", *map(str, articles)], cwd=folder, env=environment, check=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        log = Path(folder) / "log"
        with log.open("wb") as written:
            process = subprocess.Popen([_MAQAL, *command], cwd=folder, env=environment, stderr=written, stdout=written)
        try:
            yield process, log
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_END_WAIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _ready(process: subprocess.Popen[bytes], log: Path, began: float) -> str:
    """The address, once the service says that it can answer."""
    url = ""
    while time.perf_counter() - began < _START_WAIT and process.poll() is None:
        found = re.search(r"listens on (http://[\d.]+:\d+)", log.read_text())
        url = found[1] if found else ""
        if url and _is_ready(url):
            return url
        time.sleep(0.005)
    raise ConfigurationError(f"The service did not start: {log.read_text()[-2000:]}", "Mend what its log says.")


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as response:  # noqa: S310 - loopback
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
