"""One generation of vectors in Chroma, embedded or on a server."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from index.embedding import Vectors
from index.exceptions import ConfigurationError, VectorsMissing, VectorStoreError
from index.passages import Passage

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection

_BATCH = 2000


class VectorStore:
    """The collection `articles_<number>` with cosine distance; ids are those of passages."""

    def __init__(self, client: "Client", collection: "Collection") -> None:
        self._client = client
        self._collection = collection

    @classmethod
    def open(cls, data_dir: Path, url: str, number: int, *, create: bool = False) -> "VectorStore":
        """Open generation `number`, or begin it empty. Raises VectorsMissing, VectorStoreError."""
        name = f"articles_{number}"
        client = None
        try:
            client = _client(_folder(data_dir, number), url)
            if create:
                if name in {collection.name for collection in client.list_collections()}:
                    client.delete_collection(name)
                collection = client.create_collection(
                    name, embedding_function=None, configuration={"hnsw": {"space": "cosine", "ef_search": 200}}
                )
            else:
                collection = client.get_collection(name, embedding_function=None)
        except ConfigurationError:
            raise
        except BaseException as error:
            if client:
                _close(client)
            _raise_unless_exit(error)
            raise _failure(error, url) from error
        return cls(client, collection)

    def upsert(self, passages: Sequence[Passage], vectors: Vectors) -> None:
        """Write passages with their vectors, shape (passages, dimension)."""
        for i in range(0, len(passages), _BATCH):
            batch = passages[i : i + _BATCH]
            self._call(
                "upsert",
                ids=[p.id for p in batch],
                embeddings=vectors[i : i + _BATCH],
                metadatas=[{"article_id": p.article_id} for p in batch],
            )

    def delete(self, ids: Sequence[str]) -> None:
        """Delete rows; ids that are not there are passed over."""
        for i in range(0, len(ids), _BATCH):
            self._call("delete", ids=list(ids[i : i + _BATCH]))

    def count(self) -> int:
        """Rows in the collection."""
        return int(self._call("count"))

    def query(self, vector: Vectors, limit: int, article_ids: Sequence[str] | None = None) -> list[tuple[str, float]]:
        """The `limit` nearest rows to a vector of shape (dimension,), as `(id, cosine)`, best first."""
        where = {"article_id": {"$in": list(article_ids)}} if article_ids is not None else None
        found = self._call("query", query_embeddings=[vector], n_results=limit, where=where, include=["distances"])
        return [(id_, 1.0 - d) for id_, d in zip(found["ids"][0], found["distances"][0], strict=True)]

    def finds(self, vectors: Vectors) -> bool:
        """Whether each vector, shape (vectors, dimension), finds itself."""
        nearest = [self.query(vector, 1) for vector in vectors]
        return all(found and found[0][1] > 0.999 for found in nearest)

    def close(self) -> None:
        """Let go of the files, or of the connections to the server."""
        _close(self._client)

    def _call(self, method: str, **arguments: Any) -> Any:
        try:
            return getattr(self._collection, method)(**arguments)
        except BaseException as error:
            _raise_unless_exit(error)
            raise _failure(error, "") from error


def remove_generations(data_dir: Path, url: str, *, keep: int) -> None:
    """Delete every generation but one."""
    if url:
        client = _client(data_dir, url)
        for collection in client.list_collections():
            name = collection.name
            if name.startswith("articles_") and name != f"articles_{keep}":
                client.delete_collection(name)
        _close(client)
        return
    for folder in data_dir.joinpath("chroma").glob("*"):
        if folder != _folder(data_dir, keep):
            shutil.rmtree(folder, ignore_errors=True)


def _folder(data_dir: Path, number: int) -> Path:
    """Each generation has a directory of its own: one that was damaged is never opened again."""
    return data_dir / "chroma" / str(number)


def _client(folder: Path, url: str) -> "Client":
    import chromadb
    from chromadb.config import Settings

    settings = Settings(anonymized_telemetry=False)
    if not url:
        folder.mkdir(parents=True, exist_ok=True)
        return cast("Client", chromadb.PersistentClient(str(folder), settings=settings))
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"INDEX_CHROMA_URL is {url!r}.", "Give http://host:port of a `chroma run` server.")
    is_tls = parts.scheme == "https"
    port = parts.port or (443 if is_tls else 8000)
    return cast("Client", chromadb.HttpClient(host=parts.hostname, port=port, ssl=is_tls, settings=settings))


def _close(client: "Client") -> None:
    client.close()
    # Chroma 1.5.9 forgets the HTTP connections of a client; none is shared with another client.
    for part in (client, getattr(client, "_admin_client", None)):
        session = getattr(getattr(part, "_server", None), "_session", None)
        if session is not None:
            session.close()


def _raise_unless_exit(error: BaseException) -> None:
    """Chroma's Rust panics are BaseException; only a wish to stop passes."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        raise error


def _failure(error: BaseException, url: str) -> VectorStoreError:
    where = f" at {url}" if url else ""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    kind = VectorsMissing if type(error).__name__ == "NotFoundError" else VectorStoreError
    return kind(
        f"Chroma{where} does not answer: {reason}",
        f"Start it with `chroma run` and check INDEX_CHROMA_URL ({url})." if url else "Run `maqal index --rebuild`.",
    )
