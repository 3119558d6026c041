from __future__ import annotations

from pathlib import Path

import pytest

from fleetline.errors import FleetlineError, Infeasible, InputError, read_text, unknown_name

NAMES = ["kimi-k2.6", "kimi-k2.5", "deepseek-r1", "gpt-oss-120b"]


@pytest.mark.parametrize(
    ("got", "nearest"),
    [("kimi-k26", "kimi-k2.6"), ("Kimi-K2.5", "kimi-k2.5"), ("deepseek_r1", "deepseek-r1"), ("gpt-oss", "gpt-oss-120b")],
)
def test_an_unknown_name_is_answered_with_the_nearest_one(got: str, nearest: str) -> None:
    error = unknown_name("model", got, NAMES)
    assert error.message == f"unknown model '{got}'; did you mean '{nearest}'?"
    assert (error.field, error.got, error.allowed) == ("model", got, sorted(NAMES))


def test_a_name_like_none_of_them_is_answered_with_all() -> None:
    assert unknown_name("model", "zzz", NAMES).message.endswith("known: deepseek-r1, gpt-oss-120b, kimi-k2.5, kimi-k2.6")


def test_exit_codes_and_kinds_are_those_of_the_interface() -> None:
    # exit codes as interface.md promises them
    assert (InputError("x").exit_code, InputError("x").kind) == (2, "bad_input")
    assert (Infeasible("x").exit_code, Infeasible("x").kind) == (3, "infeasible")
    assert issubclass(InputError, FleetlineError)
    assert issubclass(Infeasible, FleetlineError)
    assert str(InputError("one line", field="batch")) == "one line"


@pytest.mark.parametrize("what", ["missing", "folder", "bytes"])
def test_a_file_that_cannot_be_read_is_one_line_with_its_path(tmp_path: Path, what: str) -> None:
    path = {"missing": tmp_path / "no.csv", "folder": tmp_path, "bytes": tmp_path / "latin.csv"}[what]
    (tmp_path / "latin.csv").write_bytes("naïve".encode("latin-1"))
    with pytest.raises(InputError) as refused:
        read_text(path, "catalog table")
    reason = {"missing": "No such file", "folder": "Is a directory", "bytes": "not UTF-8 text"}[what]
    assert str(path) in refused.value.message
    assert reason in refused.value.message
    assert "\n" not in refused.value.message


def test_text_is_read_as_utf_8(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("µ, é", encoding="utf-8")
    assert read_text(tmp_path / "good.csv", "catalog table") == "µ, é"
