"""The command `maqal`, run as a person runs it: a process, its output, its exit code."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pytest

from index.settings import IndexSettings
from tests.conftest import BUNDLED_ID

MAQAL = str(Path(sys.executable).with_name("maqal"))
TRANSCRIPT = Path(__file__).parents[1] / "data" / "transcripts" / "chat.txt"
# Any connection but to loopback fails, in the process and in what it starts.
NO_NETWORK = """
import socket
_connect = socket.socket.connect
def connect(self, address):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1"):
        raise RuntimeError(f"network: {address}")
    return _connect(self, address)
socket.socket.connect = connect
def getaddrinfo(host, *args, _original=socket.getaddrinfo, **kwargs):
    if host not in ("127.0.0.1", "::1", "localhost", None):
        raise RuntimeError(f"network: {host}")
    return _original(host, *args, **kwargs)
socket.getaddrinfo = getaddrinfo
"""


@pytest.fixture(autouse=True)
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(NO_NETWORK)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PROMPT_TOOLKIT_NO_CPR", "1")  # pexpect's terminal does not tell where its cursor is.


def maqal(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([MAQAL, *arguments], input=stdin, capture_output=True, text=True, check=False, timeout=120)


def refused(*arguments: str, stdin: str = "") -> str:
    """Run what must be refused; returns what it said to standard error."""
    done = maqal(*arguments, stdin=stdin)
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.startswith("Error: "), done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 2, done.stderr
    return done.stderr


class TestAsk:
    def test_from_nothing_to_an_answer(self, tmp_path: Path) -> None:
        first = maqal("ask", "--bundled", "why did Tokayev call in the CSTO?")
        assert first.stdout.startswith(
            "\u2068رئيس كازاخستان، قاسم جومارت توكاييف\u2069, as the article reports (§4):\n«ادعى رئيس كازاخستان"
        )
        assert first.stderr == f"Indexed: {BUNDLED_ID} (version 1, 20 paragraphs, 20 embedded).\n"
        second = maqal("ask", "--bundled", "why did Tokayev call in the CSTO?")
        assert (second.stdout, second.stderr) == (first.stdout, "")

    def test_json(self, index_settings: IndexSettings) -> None:
        answer = json.loads(maqal("ask", "--json", "كم عدد الجنود الذين وصلوا إلى كازاخستان؟").stdout)
        assert answer["verdict"] == "answered"
        assert answer["language"] == "ar"
        assert "2500" in answer["quotes"][0]["text"]

    def test_question_from_standard_input(self, index_settings: IndexSettings) -> None:
        assert "(§7)" in maqal("ask", "-", stdin="What did Sushkov write on Twitter?").stdout

    def test_language_of_the_answer(self, index_settings: IndexSettings) -> None:
        assert maqal("ask", "--lang", "fr", "How many soldiers arrived?").stdout.startswith("L’article dit")

    def test_a_closed_pipe_is_no_error(self, index_settings: IndexSettings) -> None:
        command = f"'{MAQAL}' ask 'How many soldiers arrived?' | head -c 1"
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        assert done.stderr == ""


class TestIndex:
    def test_add_replace_list_remove(self, tmp_path: Path) -> None:
        file = tmp_path / "fire.md"
        file.write_text("# Fire in Almaty\n\nTwo people died.\n")
        assert maqal("index", str(file)).stdout == "Indexed: fire (version 1, 1 paragraph, 1 embedded).\n"
        assert maqal("index", str(file)).stdout == "Unchanged: fire (version 1).\n"
        file.write_text("# Fire in Almaty\n\nThree people died.\n")
        done = maqal("index", str(file), "--source", "The Post", "--published", "2024-05-01")
        assert done.stdout == "Replaced: fire (version 2, 1 paragraph, 1 embedded).\n"
        (entry,) = json.loads(maqal("articles", "--json").stdout)
        assert (entry["id"], entry["version"], entry["source"], entry["published"]) == (
            "fire",
            2,
            "The Post",
            "2024-05-01",
        )
        assert "Fire in Almaty" in maqal("articles").stdout
        assert maqal("remove", "fire").stdout == "Removed fire.\n"
        assert json.loads(maqal("articles", "--json").stdout) == []

    def test_one_bad_file_leaves_the_index_as_it_was(self, tmp_path: Path) -> None:
        (tmp_path / "good.txt").write_text("Two people died.")
        (tmp_path / "bad.txt").write_bytes(b"")
        assert "bad.txt is empty" in refused("index", str(tmp_path / "good.txt"), str(tmp_path / "bad.txt"))
        assert json.loads(maqal("articles", "--json").stdout) == []

    def test_rebuild(self, index_settings: IndexSettings) -> None:
        assert maqal("index", "--rebuild").returncode == 0
        assert "(§2)" in maqal("ask", "How many soldiers arrived in Kazakhstan?").stdout


class TestRefusals:
    def test_paths(self, tmp_path: Path) -> None:
        (tmp_path / "binary.txt").write_bytes(bytes(range(256)) * 50)
        (tmp_path / "latin.txt").write_bytes(b"\xfe\xed\xfa\xce" * 3)
        (tmp_path / "big.txt").write_bytes(b"word " * 10_000_000)
        assert "There is no file" in refused("index", "nothing.txt")
        assert "is a directory" in refused("index", str(tmp_path))
        for name in ("binary.txt", "latin.txt"):
            assert name in refused("index", str(tmp_path / name))
        assert "larger than 10,000,000 bytes" in refused("index", str(tmp_path / "big.txt"))
        assert "Nothing to index" in refused("index")

    def test_questions(self, index_settings: IndexSettings) -> None:
        assert "question is empty" in refused("ask", "")
        assert "20,000 characters" in refused("ask", "x" * 20_000)
        assert "question is empty" in refused("ask", "-", stdin="\0\0")
        assert "'nothing'" in refused("ask", "--article", "nothing", "How many soldiers?")
        assert "'xx'" in refused("ask", "--lang", "xx", "How many soldiers?")

    def test_an_empty_index(self) -> None:
        assert "maqal index" in refused("ask", "How many soldiers?")
        assert "maqal index" in refused("chat")
        assert "No article is indexed" in maqal("articles").stdout

    def test_removal_of_an_unknown_article(self, index_settings: IndexSettings) -> None:
        assert "'nothing'" in refused("remove", BUNDLED_ID, "nothing")
        assert len(json.loads(maqal("articles", "--json").stdout)) == 1

    def test_a_data_directory_that_cannot_be_made(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("INDEX_DATA_DIR", str(tmp_path / "file" / "data"))
        for arguments in (("articles",), ("ask", "How many soldiers?"), ("index", "--bundled")):
            assert "INDEX_DATA_DIR" in refused(*arguments)

    def test_a_second_process(self, index_settings: IndexSettings, free_port: int) -> None:
        with subprocess.Popen([MAQAL, "serve", "--port", str(free_port)], stderr=subprocess.PIPE, text=True) as server:
            assert server.stderr
            while "http" not in server.stderr.readline():
                assert server.poll() is None
            said = refused("ask", "How many soldiers?")
            server.send_signal(signal.SIGINT)
            server.stderr.read()
        assert f"(maqal serve, pid {server.pid})" in said
        assert "INDEX_CHROMA_URL" in said

    @pytest.mark.parametrize(
        ("name", "value"), [("INDEX_MAX_BYTES", "many"), ("RAG_LLM", "oracle"), ("RAG_LLM_TIMEOUT", "-1")]
    )
    def test_settings(self, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
        monkeypatch.setenv(name, value)
        said = refused("ask", "How many soldiers?")
        assert name in said
        assert value in said

    def test_an_encoder_that_is_not_there(
        self, index_settings: IndexSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "model").mkdir()
        monkeypatch.setenv("INDEX_ENCODER", str(tmp_path / "model"))
        assert "safetensors" in refused("ask", "How many soldiers?")


class TestDoctor:
    def test_before_the_first_article(self) -> None:
        done = maqal("doctor")
        assert done.returncode == 0
        assert "does not exist yet" in done.stdout
        assert "maqal index" in done.stdout

    def test_all_well(self, index_settings: IndexSettings) -> None:
        findings = {f["what"]: f for f in json.loads(maqal("doctor", "--json").stdout)}
        assert {f["status"] for f in findings.values()} == {"ok"}
        assert findings["catalog"]["detail"] == "1 article, 20 passages"
        assert "generation 1" in findings["vectors"]["detail"]

    def test_what_is_broken_and_how_to_mend_it(
        self, index_settings: IndexSettings, monkeypatch: pytest.MonkeyPatch, free_port: int
    ) -> None:
        monkeypatch.setenv("RAG_LLM", "ollama")
        monkeypatch.setenv("RAG_LLM_MODEL", "m")
        monkeypatch.setenv("RAG_LLM_URL", f"http://127.0.0.1:{free_port}")
        monkeypatch.setenv("INDEX_ENCODER", "/nothing")
        done = maqal("doctor", "--json")
        assert done.returncode == 1
        findings = {f["what"]: f for f in json.loads(done.stdout)}
        assert (findings["llm"]["status"], findings["encoder"]["status"]) == ("broken", "broken")
        assert all(f["fix"] for f in findings.values() if f["status"] == "broken")


class TestHelp:
    def test_every_command_has_help(self) -> None:
        done = maqal("--help")
        assert done.returncode == 0
        for command in (
            "ask",
            "chat",
            "index",
            "articles",
            "remove",
            "serve",
            "slack",
            "doctor",
            "eval",
            "facts",
            "check-quote",
        ):
            assert command in done.stdout
            assert maqal(command, "--help").returncode == 0

    def test_help_loads_no_heavy_library(self) -> None:
        code = "import sys; sys.argv = ['maqal', '--help']\ntry:\n    from bots.cli import main; main()\nexcept SystemExit: pass\nprint(sorted({m.split('.')[0] for m in sys.modules}))"
        loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for library in (
            "chromadb",
            "llama_index",
            "onnxruntime",
            "numpy",
            "fastapi",
            "slack_bolt",
            "torch",
            "pydantic",
        ):
            assert f"'{library}'" not in loaded


class TestChat:
    def test_transcript(self, index_settings: IndexSettings) -> None:
        """The committed session, typed again: lines that begin with › are typed, the others must come back."""
        transcript = TRANSCRIPT.read_text(encoding="utf-8")
        typed = [line[2:] for line in transcript.splitlines() if line.startswith("› ")]
        shown = "\n".join(line for line in transcript.splitlines() if not line.startswith("› "))
        done = maqal("chat", stdin="\n".join(typed) + "\n")
        assert done.returncode == 0
        assert done.stderr == ""
        assert done.stdout.strip() == shown.strip()

    @pytest.mark.parametrize("key", ["c", "d"])
    def test_in_a_terminal_ctrl_c_and_ctrl_d_leave_cleanly(self, index_settings: IndexSettings, key: str) -> None:
        child = pexpect.spawn(MAQAL, ["chat"], encoding="utf-8", timeout=60, dimensions=(40, 100))
        child.expect("›")
        child.send("How many soldiers arrived in Kazakhstan?\r")
        child.expect("2500")
        child.expect("›")
        child.sendcontrol(key)
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 0
        assert "Traceback" not in (child.before or "")

    def test_history_is_kept_between_sessions(self, index_settings: IndexSettings) -> None:
        for keys in ("How many soldiers arrived?\r", "\x1b[A\r"):
            child = pexpect.spawn(MAQAL, ["chat"], encoding="utf-8", timeout=60, dimensions=(40, 100))
            child.expect("›")
            child.send(keys)
            child.expect("2500")
            child.expect("›")
            child.sendcontrol("d")
            child.expect(pexpect.EOF)
            child.close()

    def test_ctrl_c_while_the_program_starts(self, index_settings: IndexSettings) -> None:
        process = subprocess.Popen(
            [MAQAL, "ask", "How many soldiers?"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        time.sleep(1.0)
        os.kill(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
        assert process.returncode in (130, -signal.SIGINT, 0)
        assert "Traceback" not in said


class TestQuotes:
    def test_check_and_cite(self, index_settings: IndexSettings) -> None:
        letters = "أزمةً يمكن لموسكو أن تكون مفيدةً فيها"
        exact = maqal("check-quote", f"“{letters}”")
        assert (exact.returncode, exact.stderr) == (0, "")
        assert exact.stdout == (
            f"Exact. The letters stand in the article.\n§7 \u2068{BUNDLED_ID}\u2069, \u2068سوشكوف\u2069:\n“{letters}”\n"
        )
        altered = maqal("check-quote", "-", "--article", BUNDLED_ID, stdin="وصل 3500 جندي من أرمينيا وبيلاروسيا\n")
        assert (altered.returncode, altered.stderr) == (1, "")
        assert altered.stdout == (
            "Altered. Most of the words stand in the article; some were replaced, left out or added.\n"
            f"§2 \u2068{BUNDLED_ID}\u2069:\n“وصل 2500 جندي من أرمينيا وبيلاروسيا”\n"
            "said: \u20683500\u2069  the article: \u20682500\u2069\n"
        )
        absent = json.loads(maqal("check-quote", "--json", "The central bank raised rates by a point.").stdout)
        assert (absent["verdict"], absent["places"], len(absent["closest"])) == ("absent", [], 3)
        assert "quote is empty" in refused("check-quote", "“”")
        assert "100,000 characters" in refused("check-quote", "-", stdin="x" * 100_000)
        assert "'nothing'" in refused("check-quote", "--article", "nothing", letters)

        asked = "What did Sushkov write on Twitter?"
        cited = maqal("ask", "--cite", "markdown", asked).stdout
        assert f" مثَّلَت “{letters}”.»\u2069\n>\n> — \u2068سوشكوف\u2069, *\u2068" in cited
        answer = json.loads(maqal("ask", "--json", "--cite", "plain", asked).stdout)
        assert len(answer["citations"]) == len(answer["quotes"]) >= 1
        assert answer["citations"][0].startswith(f"\u2068«{answer['quotes'][0]['text']}»\u2069 — \u2068سوشكوف\u2069, ")
        chat = maqal("chat", stdin=f"/cite\n{asked}\n/cite\n/cite markdown\n").stdout
        assert "There is no quote to cite.\n" in chat
        assert answer["citations"][0] in chat
        assert "\n> — \u2068سوشكوف\u2069, *\u2068" in chat
