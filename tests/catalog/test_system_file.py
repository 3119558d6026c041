from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fleetline.catalog.system_file import EXAMPLE, system_from_file
from fleetline.deployment import throughput
from fleetline.errors import InputError

Write = Callable[[str, str], Path]


def test_the_example_is_a_system(write: Write) -> None:
    system = system_from_file(write("my-rack.toml", EXAMPLE))
    assert (system.name, system.gpus, system.chip.name) == ("my-rack", 16, "my-chip")
    assert system.hbm_capacity == 16 * 186 * 2**30
    assert system.hbm_bandwidth == 16 * 8e12
    assert [system.peak(precision) for precision in ("fp4", "fp8", "bf16")] == [16 * 1e16, 16 * 5e15, 16 * 2.5e15]
    assert system.rent == pytest.approx(16 * 4 / 3600, rel=1e-15)
    assert system.chip.scaleup_bandwidth == 900e9
    assert system.chip.all_in_power == 1870


def test_the_example_serves_a_model(write: Write) -> None:
    found = throughput("kimi-k2.6", str(write("my-rack.toml", EXAMPLE)))
    assert found.feasible
    assert found.setting["system"] == "my-rack"


def test_a_name_left_out_is_that_of_the_file(write: Write) -> None:
    path = write("rack-7.toml", 'gpus = 8\n[chip]\nhbm_bandwidth = "8 TB/s"')
    system = system_from_file(path)
    assert (system.name, system.chip.name) == ("rack-7", "rack-7")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("[chip]", "[chips]", "did you mean 'chip'?"),
        ("hbm_bandwidth", "hbm_bandwith", "did you mean 'hbm_bandwidth'?"),
        ('"8 TB/s"', '"8 TB"', "chip.hbm_bandwidth: '8 TB' is in byte, wanted a finite value in byte/s"),
        ('"8 TB/s"', "8e12", "chip.hbm_bandwidth: '8000000000000.0' is not a number with a unit of byte/s"),
        ('"8 TB/s"', "true", "chip.hbm_bandwidth: 'True' is not a number with a unit of byte/s"),
        ('"8 TB/s"', "[8, 9]", "chip.hbm_bandwidth: '[8, 9]' is not a number with a unit of byte/s"),
        ('"8 TB/s"', '"-8 TB/s"', "chip.hbm_bandwidth: got -8 TB/s, allowed more than 0"),
        ('"8 TB/s"', '"0 TB/s"', "chip.hbm_bandwidth: got 0 TB/s, allowed more than 0"),
        ('"8 TB/s"', '"nan TB/s"', "chip.hbm_bandwidth: 'nan TB/s' is not a number"),
        ('"8 TB/s"', '"8 TBs"', "chip.hbm_bandwidth"),
        ("gpus = 16", "gpus = 0", "gpus: got 0, allowed a whole number from 1"),
        ("gpus = 16", "gpus = -1", "gpus: got -1, allowed a whole number from 1"),
        ("gpus = 16", "gpus = 1.5", "gpus: got 1.5, allowed a whole number from 1"),
        ("gpus = 16", 'gpus = "16"', "gpus: got 16, allowed a whole number from 1"),
        ("gpus = 16", "gpus = true", "gpus: got True, allowed a whole number from 1"),
        ("gpus = 16", "", "gpus: got None, allowed a whole number from 1"),
        ("gpus = 16", "gpus =", "Invalid value (at line 3"),
        ("gpus = 16", "gpus = 16\ngpus = 17", "Cannot overwrite a value (at line 4"),
    ],
)
def test_a_mistake_is_named_with_the_file(write: Write, old: str, new: str, reason: str) -> None:
    assert old in EXAMPLE
    path = write("my-rack.toml", EXAMPLE.replace(old, new, 1))
    with pytest.raises(InputError) as refused:
        system_from_file(path)
    assert str(path) in refused.value.message
    assert reason in refused.value.message
    assert "\n" not in refused.value.message


@pytest.mark.parametrize("text", ["gpus = 16", 'gpus = 16\nchip = "GB200"'])
def test_a_system_has_a_table_of_its_chip(write: Write, text: str) -> None:
    with pytest.raises(InputError, match=r"the table \[chip\] is missing"):
        system_from_file(write("my-rack.toml", text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.toml: No such file"):
        throughput("kimi-k2.6", str(tmp_path / "no.toml"))


def test_bytes_that_are_not_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "my-rack.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8 text"):
        system_from_file(tmp_path / "my-rack.toml")


@pytest.mark.parametrize(
    ("left_out", "reason"),
    [
        ("hbm_bandwidth", "no hbm_bandwidth is known of my-chip"),
        ("hbm_capacity", "no hbm_capacity is known of my-chip"),
        ("fp", "peak is known of my-chip"),
    ],
)
def test_what_is_left_out_is_asked_for_when_it_is_needed(write: Write, left_out: str, reason: str) -> None:
    text = "\n".join(
        line for line in EXAMPLE.splitlines() if not line.startswith((left_out, "bf16" if left_out == "fp" else left_out))
    )
    with pytest.raises(InputError, match=reason) as refused:
        throughput("kimi-k2.6", str(write("my-rack.toml", text)))
    assert refused.value.field == "system"


def test_a_system_without_a_price_has_no_cost(write: Write) -> None:
    text = "\n".join(line for line in EXAMPLE.splitlines() if not line.startswith("rent"))
    found = throughput("kimi-k2.6", str(write("my-rack.toml", text)))
    assert found.feasible
    assert found.cost_usd_per_mtok_output != found.cost_usd_per_mtok_output  # NaN: unknown, neither 0 nor another chip's
