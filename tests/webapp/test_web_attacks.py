"""No path or address is ever taken from a request, nothing too large is read, and nothing of the inside is told."""

from __future__ import annotations

import base64
import json
import sys
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from published_configs import CONFIGS
from starlette.testclient import TestClient

from fleetline.catalog import config_token
from fleetline.catalog.imported import find, from_content, token_of
from fleetline.catalog.system_file import EXAMPLE
from fleetline.errors import InputError
from fleetline.named import without_files
from fleetline.webapp import upload
from fleetline.webapp.app import create_app
from fleetline.webapp.limits import BODY_BYTES, URL_LETTERS
from fleetline.webapp.questions import Question

RACK = {"model": "kimi-k2.6", "system": "gb200-nvl72"}


def refused(answer: Any, status: int = 422) -> dict[str, Any]:
    """The error object of a refusal, in the form of the interface."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    (fault,) = answer.json().values()
    assert set(fault) == {"kind", "message", "field", "got", "allowed"}
    assert "\n" not in fault["message"] and "Traceback" not in answer.text and "site-packages" not in answer.text
    found: dict[str, Any] = fault
    return found


_OPENED: list[str] | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _OPENED is not None:
        _OPENED.append(str(arguments[0]))


sys.addaudithook(_watch)  # stays as long as the process; it watches while a test wants it to


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """Every file opened while the test runs."""
    global _OPENED  # noqa: PLW0603  (an audit hook cannot be taken away)
    found: list[str] = []
    _OPENED = found
    yield found
    _OPENED = None


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Good files of every kind, which the commands would read."""
    found = {
        "config": tmp_path / "config.json",
        "system": tmp_path / "rack.toml",
        "scenario": tmp_path / "own.toml",
        "rows": tmp_path / "rows.csv",
    }
    found["config"].write_text(json.dumps(dict(upload.EXAMPLE)), encoding="utf-8")
    found["system"].write_text(EXAMPLE, encoding="utf-8")
    found["scenario"].write_text('base = "article"\n', encoding="utf-8")
    found["rows"].write_text("a,b\n1,2\n", encoding="utf-8")
    return found


_ATTACKS: dict[str, Callable[[dict[str, Path]], tuple[str, dict[str, Any]]]] = {
    "model by path": lambda file: ("throughput", RACK | {"model": str(file["config"])}),
    "model by path, frontier": lambda file: ("frontier", RACK | {"model": str(file["config"])}),
    "model by path, plan": lambda file: ("plan", {"model": str(file["config"]), "users": 5}),
    "model by path, view": lambda file: ("views/deployment", {"model": str(file["config"])}),
    "model by path, frontier view": lambda file: ("views/frontier", {"model": str(file["config"])}),
    "facts of a path": lambda file: ("models", {"name": str(file["config"])}),
    "facts of a path as a system": lambda file: ("systems", {"name": str(file["config"])}),
    "upper case": lambda _: ("throughput", RACK | {"model": "/TMP/X.JSON"}),
    "passwords": lambda _: ("throughput", RACK | {"model": "../../../../etc/passwd"}),
    "passwords as a system": lambda _: ("throughput", RACK | {"system": "/etc/passwd"}),
    "null byte": lambda _: ("throughput", RACK | {"model": "x\x00.json"}),
    "an address": lambda _: ("throughput", RACK | {"model": "http://127.0.0.1:1/config.json"}),
    "a file's address": lambda file: ("throughput", RACK | {"model": f"file://{file['config']}"}),
    "system by path": lambda file: ("throughput", RACK | {"system": str(file["system"])}),
    "system by path, plan": lambda file: (
        "plan",
        {"model": "gpt-oss-120b", "users": 5, "systems": f"b200,{file['system']}"},
    ),
    "system by path, view": lambda file: ("views/deployment", {"system": str(file["system"])}),
    "draft by path": lambda file: ("throughput", RACK | {"speculative": f"{file['config']}:0.8,0.7"}),
    "scenario by path": lambda file: ("crunch", {"scenario": str(file["scenario"])}),
    "scenario by path, supply": lambda file: ("supply", {"scenario": str(file["scenario"])}),
    "scenario by path, compare": lambda file: ("compare", {"first": str(file["scenario"])}),
    "line of a scenario": lambda file: ("crunch", {"set": f"serving.model={file['config']}", "draws": 10}),
    "draft in a scenario": lambda file: ("supply", {"set": f"serving.speculative={file['config']}:0.8,0.7", "draws": 10}),
    "rows": lambda file: ("measured", {"rows": str(file["rows"])}),
    "rows of agents": lambda file: ("agents", {"rows": str(file["rows"])}),
    "an example of a file": lambda _: ("systems", {"example": "true"}),
    "somewhere to write": lambda file: ("throughput", RACK | {"out": str(file["rows"])}),
}


@pytest.mark.parametrize("attack", _ATTACKS)
def test_no_file_is_named_by_a_request(
    attack: str, client: TestClient, files: dict[str, Path], opened: list[str], tmp_path: Path
) -> None:
    path, query = _ATTACKS[attack](files)
    refused(client.get(f"/api/v1/{path}", params=query))
    assert not [name for name in opened if str(tmp_path) in name or "passwd" in name]


def test_the_command_does_read_what_the_server_refuses(files: dict[str, Path], opened: list[str]) -> None:
    """The control: the same names are files where they may be, and the watch sees them."""
    from fleetline.deployment import throughput

    assert throughput(str(files["config"]), str(files["system"])).setting["model"]
    assert str(files["config"]) in opened and str(files["system"]) in opened


def test_somebodys_saved_models_are_not_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, client: TestClient) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folder = tmp_path / "fleetline" / "models"
    folder.mkdir(parents=True)
    (folder / "my-secret.json").write_text(json.dumps(dict(upload.EXAMPLE)), encoding="utf-8")
    assert find(from_catalog(), "my-secret") is not None  # the command line has it
    refused(client.get("/api/v1/throughput", params=RACK | {"model": "my-secret"}))
    assert "my-secret" not in client.get("/api/v1/models").text


def from_catalog() -> Any:
    from fleetline.catalog import load

    return load()


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/....//app.py",
        "/static/..%5capp.py",
        "/app.py",
        "/api/v1/figures/..%2f..%2fapp",
    ],
)
def test_only_the_pages_files_are_served(path: str, client: TestClient) -> None:
    answer = client.get(path)
    assert answer.status_code in {404, 422}
    assert "import" not in answer.text and "root:" not in answer.text


# --- sizes --------------------------------------------------------------------------------------------------------------


def test_a_long_address_is_not_read(client: TestClient) -> None:
    fault = refused(client.get("/api/v1/throughput", params=RACK | {"workload": "8" * URL_LETTERS}), 414)
    assert fault["allowed"] == URL_LETTERS


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_not_read_to_its_end(chunked: bool, client: TestClient) -> None:
    body = b"{" + b" " * BODY_BYTES
    read = 0

    def parts() -> Iterator[bytes]:
        nonlocal read
        for start in range(0, 100 * len(body), 65_536):
            read = start
            yield body[:65_536]

    answer = client.post("/api/v1/models", content=body if not chunked else b"".join([body, body]))
    assert refused(answer, 413)["allowed"] == BODY_BYTES


def test_more_values_than_anybody_asks_are_refused(client: TestClient) -> None:
    refused(client.get("/api/v1/crunch", params=[("set", f"fleet.busy_share=0.{n}") for n in range(70)]))


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("crunch", "draws", 1e6),
        ("market", "draws", 4001),
        ("frontier", "points", 100_000),
        ("sensitivity", "points", 65_536),
        ("compare", "draws", 501),
    ],
)
def test_what_costs_much_is_for_the_command_line(path: str, name: str, value: float, client: TestClient) -> None:
    query = RACK if path == "frontier" else {}
    assert refused(client.get(f"/api/v1/{path}", params=query | {name: value}))["field"] == name


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "", "0x10", "ten", "1,5"])
def test_numbers_are_finite_numbers(value: str, client: TestClient) -> None:
    assert refused(client.get("/api/v1/throughput", params=RACK | {"speed": value}))["field"] == "speed"


@pytest.mark.parametrize("value", ["1e308", "-1", "0", "1e-320", "5e15"])
@pytest.mark.parametrize("name", ["batch", "gpus", "tp", "prefix_hit", "utilisation", "hbm_reserve", "step_latency_s"])
def test_extreme_numbers_have_an_answer_in_words(name: str, value: str, client: TestClient) -> None:
    answer = client.get("/api/v1/throughput", params=RACK | {name: value})
    assert answer.status_code in {200, 422}
    json.loads(answer.text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def test_a_misspelt_parameter_is_told_the_nearest(client: TestClient) -> None:
    fault = refused(client.get("/api/v1/throughput", params=RACK | {"wokload": "8000:1000"}))
    assert "did you mean 'workload'" in fault["message"]


def test_a_value_given_twice_is_refused(client: TestClient) -> None:
    assert refused(client.get("/api/v1/throughput?model=kimi-k2.6&model=kimi-k3&system=b200"))["field"] == "model"


def test_infeasible_is_told_apart_from_wrong(client: TestClient) -> None:
    fault = refused(client.get("/api/v1/throughput", params=RACK | {"speed": 100_000}))
    assert fault["kind"] == "infeasible" and fault["field"] == "speed"
    assert refused(client.get("/api/v1/throughput", params=RACK | {"model": "kimi"}))["kind"] == "bad_input"


# --- uploads ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONFIGS)
def test_an_uploaded_model_is_its_file_in_every_answer(name: str, client: TestClient, tmp_path: Path) -> None:
    from fleetline.deployment import throughput

    path = tmp_path / "uploaded-model.json"
    path.write_text(json.dumps(CONFIGS[name]), encoding="utf-8")
    answer = client.post("/api/v1/models", content=path.read_bytes())
    assert answer.status_code == 200, answer.text
    token = answer.json()["model"]
    assert len(token) < 1_000
    query = {"model": token, "system": "gb300-nvl72", "workload": "500:50", "counting": "checkpoint", "precision": "fp8"}
    served = client.get("/api/v1/throughput", params=query)
    own = throughput(str(path), "gb300-nvl72", "500:50", counting="checkpoint", precision="fp8")
    assert served.status_code == (200 if own.feasible else 422)
    if own.feasible:
        assert served.json()["throughput_tok_s"] == own.throughput_tok_s
        assert served.json()["batch"] == own.batch


_BROKEN: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{model_type: llama}",
    "a list": b"[1, 2]",
    "a number": b"7",
    "not UTF-8": b"\xff\xfe{}",
    "deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a key twice": b'{"model_type": "llama", "model_type": "gpt_oss"}',
    "NaN": json.dumps(dict(upload.EXAMPLE) | {"hidden_size": float("nan")}).encode(),
    "an unknown family": b'{"model_type": "llamma"}',
    "a negative width": json.dumps(dict(upload.EXAMPLE) | {"hidden_size": -1}).encode(),
    "a width of many digits": json.dumps(dict(upload.EXAMPLE)).replace("4096", "9" * 5000).encode(),
    "a path as a family": b'{"model_type": "../../etc/passwd"}',
}


@pytest.mark.parametrize("broken", _BROKEN)
def test_a_broken_upload_is_told_in_one_line(broken: str, client: TestClient) -> None:
    refused(client.post("/api/v1/models", content=_BROKEN[broken]))


def test_a_name_of_an_upload_is_a_name(client: TestClient) -> None:
    body = json.dumps(dict(upload.EXAMPLE))
    for name in ("../x", "a/b", "", "x" * 101, "a\nb", "<script>"):
        refused(client.post("/api/v1/models", params={"name": name}, content=body))
    assert client.post("/api/v1/models", params={"name": "my-model"}, content=body).json()["name"] == "my-model"


def _token(packed: bytes) -> str:
    return config_token.PREFIX + base64.urlsafe_b64encode(packed).decode()


@pytest.mark.parametrize(
    "token",
    [
        "config:",
        "config:!!!!",
        _token(b"not packed"),
        _token(zlib.compress(b"not JSON")),
        _token(zlib.compress(b"{}")),
        _token(zlib.compress(b'["../x", {}]')),
        _token(zlib.compress(b'["x", {"model_type": "nope"}]')),
        _token(zlib.compress(b'["x", {"a": "' + b"0" * 50_000_000 + b'"}]')),
        _token(zlib.compress(b"[" * 100_000)),
        _token(zlib.compress(b'["x", {}]')[:-2]),
    ],
)
def test_a_forged_token_is_refused(token: str, client: TestClient) -> None:
    refused(client.get("/api/v1/throughput", params=RACK | {"model": token}), 414 if len(token) > URL_LETTERS else 422)


@given(st.binary(max_size=300))
def test_no_token_is_a_traceback(packed: bytes) -> None:
    with without_files(), pytest.raises(InputError):
        find(from_catalog(), _token(packed))


@settings(max_examples=20)
@given(st.sampled_from(sorted(CONFIGS)), st.data())
def test_fields_that_say_nothing_are_left_out_of_a_token(name: str, data: st.DataObject) -> None:
    """More fields of a configuration that nobody reads make no longer token."""
    plain = from_content(json.dumps(CONFIGS[name]).encode(), "m")
    extra = data.draw(
        st.dictionaries(st.from_regex(r"zz_[a-z]{1,8}", fullmatch=True), st.integers() | st.text(max_size=50))
    )
    more = from_content(json.dumps({**CONFIGS[name], **extra}).encode(), "m")
    assert token_of(more) == token_of(plain)


# --- nothing of the inside ----------------------------------------------------------------------------------------------


def _mistake() -> None:
    raise RuntimeError("secret words of the inside")


def test_a_mistake_of_ours_tells_nothing_of_the_inside(capsys: pytest.CaptureFixture[str]) -> None:
    app: FastAPI = create_app([Question("mistake", _mistake, (), "Fails")], make=lambda n, _: ThreadPoolExecutor(n))
    with TestClient(app, raise_server_exceptions=False) as client:
        fault = refused(client.get("/api/v1/mistake"), 500)
    assert fault["kind"] == "internal" and "secret" not in str(fault)
    assert "secret words" in capsys.readouterr().err  # the log has it


def test_every_refusal_is_json(client: TestClient) -> None:
    refused(client.get("/nowhere"), 404)
    refused(client.get("/static/nowhere.js"), 404)
    answer = client.delete("/api/v1/models")
    refused(answer, 405)
    assert answer.headers["allow"] == "GET, POST"
