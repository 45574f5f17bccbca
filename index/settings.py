"""Settings of the index: environment variables `INDEX_*`, or the same names in `.env`."""

from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class IndexSettings(BaseSettings):
    """Where articles are kept and how they are read."""

    model_config = SettingsConfigDict(env_prefix="INDEX_", env_file=".env", extra="ignore")

    data_dir: Path = Field(
        default_factory=lambda: user_data_path("maqal"),
        description="directory of the catalog and the embedded vector store",
    )
    encoder: str = Field(
        default="",
        description="empty: the bundled encoder; else a folder or a sentence-transformers model name",
    )
    encoder_device: str = Field(
        default="", description="device of a sentence-transformers encoder: cpu, cuda, mps; empty: chosen by torch"
    )
    chroma_url: str = Field(
        default="", description="empty: Chroma embedded in the data directory; else http(s)://host:port of a server"
    )
    max_bytes: int = Field(default=10_000_000, gt=0, description="largest article accepted, in bytes")
    allow_urls: bool = Field(default=False, description="whether articles may be fetched from the public web")
