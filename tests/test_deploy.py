"""What is built and deployed: the wheel's files, and the examples in `deploy/`."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.settings import ApiSettings
from bots.slack.settings import SlackSettings
from index.settings import IndexSettings
from rag.settings import RagSettings

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
FILES = sorted(path for path in DEPLOY.iterdir() if path.is_file())
PACKAGES = ("index", "rag", "api", "bots")


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def let_in() -> list[str]:
    """What `.dockerignore` lets into the build."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert lines[0] == "*"
    return [line[1:] for line in lines if line.startswith("!")]


def copied() -> set[str]:
    """What the Dockerfile copies from the repository into the build."""
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    return {name for line in lines if line.startswith("COPY ") and "--from" not in line for name in line.split()[1:-1]}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[str]]:
    """The names in the wheel that is built from what the Dockerfile copies."""
    pytest.importorskip("setuptools", minversion="80")
    folder = tmp_path_factory.mktemp("build")
    for name in copied():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [*command, "--wheel-dir", "out", "."], cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    (path,) = (folder / "out").glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield set(archive.namelist())


def test_the_wheel_has_every_file_of_the_packages(wheel: set[str]) -> None:
    tree = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert len([name for name in tree if not name.endswith(".py")]) > 20
    missing = tree - wheel
    assert not missing, f"add them to [tool.setuptools.package-data]: {sorted(missing)}"
    others = {name for name in wheel - tree if ".dist-info/" not in name}
    assert not others
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel)


def test_the_build_needs_no_more_than_is_let_in() -> None:
    assert copied() == set(let_in())
    for name in let_in():
        assert (ROOT / name).exists(), name


def test_the_image_runs_as_nobody_and_offline() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    last = text[text.rindex("FROM ") :]
    assert "\nUSER 10001:10001\n" in last
    assert "HF_HUB_OFFLINE=1" in last
    extras = set(re.findall(r"'\.\[([a-z,-]+)\]'", text)[0].split(","))
    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert extras <= set(known)
    assert "sentence-transformers" not in extras  # torch alone is larger than the rest


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_variable_is_a_setting(path: Path) -> None:
    known = {
        f"{settings.model_config['env_prefix']}{name}".upper()
        for settings in (ApiSettings, IndexSettings, RagSettings, SlackSettings)
        for name in settings.model_fields
    }
    used = set(re.findall(r"\b(?:API|INDEX|RAG|SLACK)_[A-Z_]+\b", path.read_text(encoding="utf-8")))
    assert used
    assert used <= known


def environment(path: Path) -> dict[str, str]:
    """What the container of maqal is told by its environment."""
    if path.name == "compose.yaml":
        return dict(documents(path)[0]["services"]["maqal"]["environment"])
    (pod,) = (each["spec"]["template"]["spec"] for each in documents(path) if each["kind"] == "Deployment")
    return {each["name"]: each["value"] for each in pod["containers"][0]["env"]}


@pytest.mark.parametrize("name", ["compose.yaml", "kubernetes.yaml"])
def test_the_settings_are_accepted_and_ask_for_keys(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in {"API_HOST": "0.0.0.0", **environment(DEPLOY / name)}.items():
        monkeypatch.setenv(variable, value)
    settings = ApiSettings()
    IndexSettings(), RagSettings(), SlackSettings()
    assert settings.keys_are_required
    grace = {
        "compose.yaml": lambda: documents(DEPLOY / name)[0]["services"]["maqal"]["stop_grace_period"].removesuffix("s"),
        "kubernetes.yaml": lambda: documents(DEPLOY / name)[1]["spec"]["template"]["spec"][
            "terminationGracePeriodSeconds"
        ],
    }[name]()
    assert settings.shutdown_grace < int(grace)


def test_compose_runs_the_versions_that_are_tested() -> None:
    services = documents(DEPLOY / "compose.yaml")[0]["services"]
    pinned = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").split() if "==" in line
    )
    assert services["chroma"]["image"] == f"chromadb/chroma:{pinned['chromadb']}"
    assert all(":" in service["image"] for service in services.values() if "image" in service)
    # Only maqal is reached from outside, and only from this machine.
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert ports == {"maqal": ["127.0.0.1:8000:8000"]}


def test_kubernetes_names_agree() -> None:
    claim, deployment, service = documents(DEPLOY / "kubernetes.yaml")
    pod = deployment["spec"]["template"]
    container = pod["spec"]["containers"][0]
    assert deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"] == pod["metadata"]["labels"]
    assert service["spec"]["ports"][0]["targetPort"] == container["ports"][0]["name"]
    (job,) = documents(DEPLOY / "kubernetes-key.yaml")
    (first_key,) = job["spec"]["template"]["spec"]["containers"]
    assert first_key["image"] == container["image"]
    assert job["spec"]["template"]["spec"]["volumes"][0] == pod["spec"]["volumes"][0]
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
    assert volumes == {mount["name"] for mount in container["volumeMounts"]}
    assert pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    # The embedded store is open to one process.
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]["type"]) == (1, "Recreate")
