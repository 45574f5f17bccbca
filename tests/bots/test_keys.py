"""`maqal keys`, as a person types it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from index.lock import DirectoryLock

MAQAL = str(Path(sys.executable).with_name("maqal"))


def maqal(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([MAQAL, *arguments], capture_output=True, text=True, check=False)


def test_a_key_is_made_listed_and_revoked_while_a_service_holds_the_data(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with DirectoryLock(tmp_path / "data", exclusive=True):
        made = maqal("keys", "create", "News desk", "--scope", "ask", "--scope", "ingest")
        secret = made.stdout.strip()
        key_id = secret.split("_")[1]
        assert (made.returncode, secret.count("\n")) == (0, 0)
        assert made.stderr == f"Key {key_id} for News desk (ask, ingest). It is not shown again:\n"
        listed = maqal("keys", "list").stdout
        assert listed.startswith(f"{key_id}  News desk  (ask, ingest; made 2")
        assert listed.endswith("; never used)\n")
        (described,) = json.loads(maqal("keys", "list", "--json").stdout)
        assert (described["id"], described["scopes"], described["last_used"]) == (key_id, ["ask", "ingest"], None)
        assert secret not in listed + json.dumps(described)
        assert maqal("keys", "revoke", key_id).stdout == f"Revoked {key_id} (News desk).\n"
        assert "There is no key" in maqal("keys", "list").stdout


def test_a_key_that_is_not_there_and_a_scope_that_is_none() -> None:
    revoked = maqal("keys", "revoke", "nowhere")
    assert (revoked.returncode, revoked.stdout) == (2, "")
    assert "There is no key 'nowhere'" in revoked.stderr
    made = maqal("keys", "create", "one", "--scope", "root")
    assert (made.returncode, made.stdout) == (2, "")
    assert "'root' is no scope" in made.stderr


def test_an_address_is_refused_unless_it_is_allowed(tmp_path: Path) -> None:
    refused = maqal("index", "https://example.org/story")
    assert refused.returncode == 2
    assert "INDEX_ALLOW_URLS=true" in refused.stderr
    assert not (tmp_path / "data").exists()


def test_no_service_for_others_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_HOST", "0.0.0.0")
    refused = maqal("serve")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "clients need a key, and there is none" in refused.stderr
    assert "maqal keys create NAME --scope ask" in refused.stderr
