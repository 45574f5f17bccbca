"""`maqal keys`: make, list and revoke keys of the REST service, also while it runs."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from contextlib import closing

    from api.keys import Key, KeyStore

app = typer.Typer(help="Make, list and revoke keys of the REST service.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is, as the log will call it.")],
    *,
    scopes: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            help="What it is for: ask, ingest, or admin for everything (repeatable; default ask).",
            metavar="SCOPE",
        ),
    ] = None,
) -> None:
    """Make a key and print it, once: only its SHA-256 is kept."""
    with _store() as store:
        key, secret = store.create(name, scopes or ["ask"])
    typer.echo(f"Key {key.id} for {key.name} ({_listed(key)}). It is not shown again:", err=True)
    typer.echo(secret)


@app.command(name="list")
def list_keys(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the keys: id, name, scopes, when they were made and last used."""
    from bots.indexing import print_json

    with _store() as store:
        keys = store.list_keys()
    if as_json:
        print_json([_described(key) for key in keys])
    elif not keys:
        typer.echo("There is no key. Make one with `maqal keys create NAME --scope ask`.")
    for key in [] if as_json else keys:
        used = "never used" if key.last_used is None else f"last used {_time(key.last_used)}"
        typer.echo(f"{key.id}  {key.name}  ({_listed(key)}; made {_time(key.created)}; {used})")


@app.command()
def revoke(
    ids: Annotated[list[str], typer.Argument(help="Ids of keys, as `maqal keys list` lists them.", metavar="ID…")],
) -> None:
    """Revoke keys; a service that runs refuses them from now on."""
    with _store() as store:
        for key_id in ids:
            key = store.revoke(key_id)
            typer.echo(f"Revoked {key.id} ({key.name}).")


def _store() -> "closing[KeyStore]":
    from contextlib import closing

    from api.keys import FILE_NAME, KeyStore
    from bots.settings import load_settings
    from index.settings import IndexSettings

    return closing(KeyStore(load_settings(IndexSettings).data_dir / FILE_NAME))


def _described(key: "Key") -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created": _time(key.created),
        "last_used": None if key.last_used is None else _time(key.last_used),
    }


def _listed(key: "Key") -> str:
    return ", ".join(sorted(key.scopes))


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
