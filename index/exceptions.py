"""What can go wrong while articles are read, stored and searched.

MaqalError                  base of every error meant for a person: message, fix, code
├── ConfigurationError      a setting that cannot work
├── ArticleError            an input that is not an article
│   ├── SourceNotFound      no file at this path
│   ├── NotAFile            a directory, a device
│   ├── EmptyArticle        nothing to read in it
│   ├── UnreadableArticle   binary, or text in an unknown encoding
│   ├── ArticleTooLarge     more bytes than the configured limit
│   ├── UrlsNotAllowed      INDEX_ALLOW_URLS is off
│   ├── UrlRefused          a web address that is malformed or leads inward
│   └── FetchFailed         the web server did not give the article
├── UnknownArticle          no indexed article has this id
├── StoreError              the data directory
│   ├── DataDirectoryError  cannot be created or written
│   ├── DataDirectoryBusy   another process holds it
│   ├── CatalogDamaged      the SQLite file does not read
│   └── VectorStoreError    Chroma does not answer
│       └── VectorsMissing  it has no such generation
└── EncoderError            the model that makes vectors
    ├── EncoderUnavailable  cannot be loaded
    └── EncoderMismatch     the index was made by another encoder
"""

from typing import ClassVar


class MaqalError(Exception):
    """An error for the person who sees it: `message` says what failed, `fix` what to do."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


class ConfigurationError(MaqalError):
    """A setting holds a value that cannot work."""

    code = "bad_setting"


class ArticleError(MaqalError):
    """An input is not an article that can be read."""

    code = "bad_article"


class SourceNotFound(ArticleError):
    """There is no file at the path."""

    code = "source_not_found"


class NotAFile(ArticleError):
    """The path is a directory or a device."""

    code = "not_a_file"


class EmptyArticle(ArticleError):
    """The input holds no text."""

    code = "empty_article"


class UnreadableArticle(ArticleError):
    """The input is binary, or its encoding cannot be told."""

    code = "unreadable_article"


class ArticleTooLarge(ArticleError):
    """The input has more bytes than INDEX_MAX_BYTES."""

    code = "article_too_large"


class UrlsNotAllowed(ArticleError):
    """INDEX_ALLOW_URLS is off."""

    code = "urls_not_allowed"


class UrlRefused(ArticleError):
    """A web address is malformed, or leads to where only this machine or its network may go."""

    code = "url_refused"


class FetchFailed(ArticleError):
    """The web server cannot be reached, is too slow, or does not give the article."""

    code = "fetch_failed"


class UnknownArticle(MaqalError):
    """No indexed article has the id."""

    code = "unknown_article"


class StoreError(MaqalError):
    """The data directory cannot serve."""

    code = "store_error"


class DataDirectoryError(StoreError):
    """The data directory cannot be created or written."""

    code = "data_directory_error"


class DataDirectoryBusy(StoreError):
    """Another process holds the data directory."""

    code = "data_directory_busy"


class CatalogDamaged(StoreError):
    """The catalog file is not a readable SQLite database of this program."""

    code = "catalog_damaged"


class VectorStoreError(StoreError):
    """Chroma does not answer."""

    code = "vector_store_error"


class VectorsMissing(VectorStoreError):
    """Chroma answers, and does not have the generation that the catalog names: another server, or an emptied one."""


class EncoderError(MaqalError):
    """The encoder cannot serve."""

    code = "encoder_error"


class EncoderUnavailable(EncoderError):
    """The encoder's files are missing, damaged, unsafe, or its library is not installed."""

    code = "encoder_unavailable"


class EncoderMismatch(EncoderError):
    """The stored vectors were made by another encoder."""

    code = "encoder_mismatch"
