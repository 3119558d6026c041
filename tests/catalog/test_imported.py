"""A config.json wherever a model is asked for, and models kept under a name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Tables
from published_configs import CONFIGS, OTHERS

import fleetline as fl
from fleetline.catalog import listing, load
from fleetline.catalog.imported import from_config, saved_folder
from fleetline.catalog.imported_rows import write_rows
from fleetline.errors import InputError

RACK = "gb200-nvl72"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "fleetline" / "models"


@pytest.fixture
def kimi(tmp_path: Path) -> Path:
    path = tmp_path / "my-kimi" / "config.json"
    path.parent.mkdir()
    path.write_text(json.dumps(CONFIGS["kimi-k2.5"]))
    return path


def refused(*arguments: Any, **options: Any) -> InputError:
    with pytest.raises(InputError) as found:
        fl.throughput(*arguments, **options)
    assert "\n" not in found.value.message
    return found.value


# --- a path for a model -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["fitted", "ideal", "article"])
def test_a_path_serves_as_the_catalogs_model_does(preset: str, kimi: Path) -> None:
    ours = fl.throughput(str(kimi), RACK, preset=preset, counting="checkpoint", batch=256)
    theirs = fl.throughput("kimi-k2.5", RACK, preset=preset, counting="checkpoint", batch=256, precision="int4")
    assert ours.throughput_tok_s == theirs.throughput_tok_s
    assert ours.memory_used_bytes == theirs.memory_used_bytes
    assert ours.setting["model"] == "my-kimi"


@pytest.mark.parametrize("preset", ["fitted", "ideal", "article"])
def test_without_published_sizes_the_counted_ones_stand_in(preset: str, kimi: Path) -> None:
    # article: 1,000 and 32 billion; counted: 1,026 and 31.7 billion
    ours = fl.throughput(str(kimi), RACK, preset=preset, counting="article", batch=256)
    theirs = fl.throughput("kimi-k2.5", RACK, preset=preset, counting="article", batch=256)
    assert ours.throughput_tok_s == pytest.approx(theirs.throughput_tok_s, rel=0.03)


def test_every_function_of_one_deployment_takes_a_path(kimi: Path) -> None:
    assert fl.frontier(str(kimi), RACK, points=3).feasible.all()
    assert fl.breakdown(str(kimi), RACK, batch=8)
    assert np.shape(fl.throughput(str(kimi), RACK, batch=[1, 2, 4]).throughput_tok_s) == (3,)
    assert {fact["quantity"] for fact in listing.facts(str(kimi))} >= {"layers", "kv_lora_rank", "attention_kind"}


def test_a_precision_may_be_the_files_or_another(kimi: Path) -> None:
    described = fl.throughput(str(kimi), RACK, batch=8, counting="checkpoint")
    assert fl.throughput(str(kimi), RACK, batch=8, counting="checkpoint", precision="int4").setting == {
        **described.setting,
        "precision": "int4",
    }
    other = fl.throughput(str(kimi), RACK, batch=8, counting="checkpoint", precision="nvfp4")
    assert other.setting["checkpoint"] == "all nvfp4"
    assert other.memory_used_bytes < described.memory_used_bytes
    assert refused(str(kimi), RACK, counting="checkpoint", precision="fp3").field == "precision"


def test_weights_whose_format_the_file_does_not_say_need_a_precision(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**CONFIGS["llama-3.1-405b"], "torch_dtype": None}))
    assert refused(str(path), RACK, counting="checkpoint").field == "dtype"
    assert fl.throughput(str(path), RACK, counting="checkpoint", precision="bf16").feasible


def test_what_is_wrong_with_a_file_is_told_wherever_it_stands_for_a_model(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text(json.dumps({**CONFIGS["llama-3.1-405b"], "num_hidden_layers": -1}))
    found = refused(str(path), RACK)
    assert (found.field, found.got) == ("num_hidden_layers", "-1")
    assert found.message == f"{path}: num_hidden_layers: got -1, allowed a whole number from 1 to 10000"
    assert refused(str(tmp_path / "no.json"), RACK).message == f"model file {tmp_path}/no.json: No such file or directory"


# --- what is told of it -----------------------------------------------------------------------------------------------


def test_import_model_tells_sizes_cache_attention_and_weights(kimi: Path) -> None:
    found, theirs = fl.import_model(kimi), load().model("kimi-k2.5")
    assert found["name"] == "my-kimi"
    assert found["total_parameters"] == theirs.total_parameters
    assert found["active_parameters"] == theirs.active_parameters
    assert found["kv_elements_per_token"] == 35_136  # 61 x (512 + 64): physics notes, section 1
    assert found["attention"] == "MLA"
    assert found["weight_bytes"] == pytest.approx(594e9, rel=0.01)  # tests/physics/test_work.py: its repository's size
    assert sum(part["parameters"] for part in found["weights"]) == found["total_parameters"]
    assert (found["checkpoint"], found["kv_cache"], found["kv_bytes_per_token"]) == ("int4", "bf16", 70_272)
    assert (found["layers"], found["experts"], found["experts_per_token"], found["max_context"]) == (61, 384, 8, 262_144)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("nvidia--Kimi-K2.5-NVFP4_config.json", "nvidia--Kimi-K2.5-NVFP4"),
        ("llama.json", "llama"),
        ("a folder/config.json", "a-folder"),
        ("ünï code/config.json", "n-code"),
        ("models--moonshotai--Kimi-K2.5/snapshots/9af01c2/config.json", "Kimi-K2.5"),
        ("models--gpt2/snapshots/607a30d/config.json", "gpt2"),
        ("models--moonshotai--Kimi-K2.5/other/config.json", "other"),
    ],
)
def test_a_model_is_called_after_its_file_or_folder(file: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(json.dumps(CONFIGS["llama-3.1-405b"]))
    assert from_config(path).model.name == name
    if path.name == "config.json":
        assert from_config(path.parent).model.name == name


@pytest.mark.parametrize("path", [None, 3, b"config.json"])
def test_what_is_no_path_is_refused(path: Any) -> None:
    with pytest.raises(InputError, match=r"^path: got "):
        fl.import_model(path)


# --- kept -------------------------------------------------------------------------------------------------------------


def test_a_saved_model_is_found_by_its_name(kimi: Path, home: Path) -> None:
    by_path = fl.throughput(str(kimi), RACK, batch=8)
    assert fl.import_model(kimi, save=True)["saved"] == str(home / "my-kimi.json")
    kimi.unlink()
    by_name = fl.throughput("my-kimi", RACK, batch=8)
    assert by_name.setting == by_path.setting
    assert by_name.throughput_tok_s == by_path.throughput_tok_s
    row = next(row for row in listing.models() if row["model"] == "my-kimi")
    assert (row["modelled"], row["attention"]) == (True, "MLA")


def test_nothing_is_saved_unless_asked(kimi: Path, home: Path) -> None:
    assert fl.import_model(kimi)["saved"] is None
    assert not home.exists()
    assert "unknown model 'my-kimi'" in refused("my-kimi", RACK).message


def test_a_name_can_be_chosen_and_is_checked(kimi: Path, home: Path) -> None:
    assert fl.import_model(kimi, save=True, name="k2.5-mine")["name"] == "k2.5-mine"
    for name in ("", "../x", ".hidden", "a b", "x" * 101, "a/b", 3):
        with pytest.raises(InputError, match=r"^name: got "):
            fl.import_model(kimi, save=True, name=name)  # type: ignore[arg-type]
    for name in ("kimi-k2.6", "grok-2"):
        with pytest.raises(InputError, match="is a model of the catalog"):
            fl.import_model(kimi, save=True, name=name)
    assert [path.name for path in home.iterdir()] == ["k2.5-mine.json"]


def test_the_same_file_again_is_no_change_and_another_is_refused(kimi: Path, home: Path, tmp_path: Path) -> None:
    fl.import_model(kimi, save=True)
    fl.import_model(kimi, save=True)
    other = tmp_path / "my-kimi.json"
    other.write_text(json.dumps(OTHERS["falcon-7b"][0]))
    with pytest.raises(InputError, match="is another model; give another name or remove it"):
        fl.import_model(other, save=True)
    assert (home / "my-kimi.json").read_bytes() == kimi.read_bytes()


def test_a_file_that_is_refused_is_not_kept(kimi: Path, home: Path) -> None:
    kimi.write_text("{}")
    with pytest.raises(InputError):
        fl.import_model(kimi, save=True)
    assert not home.exists()


def test_a_folder_that_cannot_be_written_is_one_line(kimi: Path, home: Path) -> None:
    home.parent.mkdir(parents=True)
    home.write_text("")
    with pytest.raises(InputError, match=r"^cannot save model my-kimi: ") as found:
        fl.import_model(kimi, save=True)
    assert found.value.field == "save"


def test_a_saved_file_that_is_broken_breaks_only_its_own_model(kimi: Path, home: Path) -> None:
    fl.import_model(kimi, save=True)
    (home / "my-kimi.json").write_text("{")
    assert "not JSON" in refused("my-kimi", RACK).message
    assert fl.throughput("kimi-k2.6", RACK, batch=8).feasible
    row = next(row for row in listing.models() if row["model"] == "my-kimi")
    assert row["modelled"] is False
    assert "not JSON" in row["reason"]


def test_a_catalog_of_ones_own_keeps_its_models(kimi: Path, tables: Tables) -> None:
    assert saved_folder() == tables.folder / "models"
    fl.import_model(kimi, save=True)
    assert fl.throughput("my-kimi", RACK, batch=8).feasible
    assert (tables.folder / "models" / "my-kimi.json").exists()


# --- as rows of the catalog -------------------------------------------------------------------------------------------


@pytest.fixture
def written(kimi: Path, tmp_path: Path) -> list[Path]:
    """Rows of the model, made before another catalog stands in."""
    return write_rows(from_config(kimi), tmp_path / "rows", "an example")


def test_rows_at_the_end_of_the_tables_make_the_same_model(kimi: Path, written: list[Path], tables: Tables) -> None:
    assert [path.name for path in written] == ["models_added.csv", "checkpoints.csv"]
    for path in written:
        with tables.path(path.stem).open("a", encoding="utf-8") as table:
            table.write(path.read_text(encoding="utf-8"))
    ours, found = from_config(kimi), load()
    assert found.model("my-kimi") == ours.model
    (stored,) = found.checkpoints_of("my-kimi")
    assert ours.checkpoint is not None
    assert (stored.formats, stored.kv_cache) == (ours.checkpoint.formats, ours.checkpoint.kv_cache)


@pytest.mark.parametrize(("source", "said"), [(None, "source: missing"), ("a file", "rows: cannot write in")])
def test_rows_need_a_source_and_overwrite_nothing(source: str | None, said: str, kimi: Path, tmp_path: Path) -> None:
    (tmp_path / "models_added.csv").write_text("mine")
    with pytest.raises(InputError, match=said):
        write_rows(from_config(kimi), tmp_path, source)
    assert (tmp_path / "models_added.csv").read_text() == "mine"
