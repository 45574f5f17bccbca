"""What tests share: a data directory with the bundled article indexed by the real encoder into real Chroma."""

import contextlib
import gc
import os
import shutil
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.article_index import ArticleIndex
from index.embedding import Encoder, load_encoder
from index.ingestion import add_article
from index.readers import read_bundled
from index.settings import IndexSettings
from rag.chat_engine import ChatEngine
from rag.factory import open_engine
from rag.settings import RagSettings

BUNDLED_ID = "kazakhstan-csto-2022.ar"


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tests see neither the developer's environment variables nor their .env file, and write only below tmp_path."""
    for name in os.environ:
        if name.startswith(("INDEX_", "RAG_", "API_", "SLACK_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INDEX_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """The bundled encoder."""
    return load_encoder()


@pytest.fixture(scope="session")
def indexed_data_dir(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Path:
    """A data directory that holds the bundled article; copy it, do not write to it."""
    data_dir = tmp_path_factory.mktemp("indexed") / "data"
    with ArticleIndex(IndexSettings(data_dir=data_dir), writable=True, encoder=encoder) as index:
        add_article(index, read_bundled())
    return data_dir


@pytest.fixture
def index_settings(tmp_path: Path, indexed_data_dir: Path) -> IndexSettings:
    """Settings over a copy of the indexed data directory, which is also the default one (INDEX_DATA_DIR)."""
    shutil.copytree(indexed_data_dir, tmp_path / "data")
    return IndexSettings()


@pytest.fixture
def engine(index_settings: IndexSettings) -> Iterator[ChatEngine]:
    """A writable chat engine without a language model over the bundled article."""
    with open_engine(index_settings, RagSettings(), writable=True) as engine:
        yield engine


@pytest.fixture
def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture
def leaked_sockets() -> Iterator[None]:
    """For clients of other libraries that leave their connections to the garbage collector: it runs here, quietly."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def chroma_server(tmp_path: Path, free_port: int) -> Iterator[str]:
    """The address of a real Chroma server."""
    command = [str(Path(sys.executable).with_name("chroma")), "run", "--host", "127.0.0.1", "--port", str(free_port)]
    process = subprocess.Popen([*command, "--path", str(tmp_path / "server")], stdout=subprocess.DEVNULL)
    try:
        # A machine that does something else besides may need half a minute to start it.
        for _ in range(1200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", free_port), 1):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{free_port}"
    finally:
        process.terminate()
        process.wait()
