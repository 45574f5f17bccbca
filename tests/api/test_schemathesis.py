"""Schemathesis asks the running service whatever its schema allows, and what it does not: it answers as documented.

`MAQAL_FUZZ_CASES=10000 pytest -s tests/api/test_schemathesis.py` tries that many requests.
"""

import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from api.keys import FILE_NAME, KeyStore
from index.settings import IndexSettings
from tests.api.conftest import Start

CASES = int(os.environ.get("MAQAL_FUZZ_CASES", "400"))
OPERATIONS = 23  # that take something to vary; the others are soon exhausted


def test_the_service_does_what_its_schema_says(start: Start, index_settings: IndexSettings, tmp_path: Path) -> None:
    with closing(KeyStore(index_settings.data_dir / FILE_NAME)) as keys:
        _, secret = keys.create("schemathesis", ["admin"])
    client = start(require_key=True, rate_limit="")
    command = [
        str(Path(sys.executable).with_name("st")),
        f"--config-file={Path(__file__).with_name('schemathesis.toml')}",
        "run",
        f"{client.base_url}/openapi.json",
        f"--header=Authorization: Bearer {secret}",
        # The coverage phase makes some 1,500 requests, whatever the number of examples.
        "--phases=examples,coverage,fuzzing,stateful" if CASES > 400 else "--phases=examples,fuzzing,stateful",
        f"--max-examples={max(CASES // OPERATIONS, 1)}",
        "--seed=1",
        "--continue-on-failure",
        "--request-timeout=60",
    ]
    environment = {**os.environ, "NO_COLOR": "1", "NO_PROXY": "127.0.0.1", "COLUMNS": "200"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    print(done.stdout[-3000:])
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr
    assert int(re.search(r"([\d,]+) generated", done.stdout).group(1).replace(",", "")) > 100
    assert client.get("/healthz").status_code == 200
