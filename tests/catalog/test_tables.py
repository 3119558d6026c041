"""Every way a table can be wrong is one line that names the file, the line and the column."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import Tables

from fleetline.catalog import load
from fleetline.deployment import throughput
from fleetline.errors import InputError

KIMI_DIMENSION = {"model": "kimi-k2.6", "quantity": "layers"}
BANDWIDTH = {"chip": "GB200 NVL72", "quantity": "hbm_bandwidth", "preferred": "1"}


def refusal() -> InputError:
    with pytest.raises(InputError) as refused:
        load()
    assert "\n" not in refused.value.message
    return refused.value


def test_an_untouched_copy_of_the_catalog_loads(tables: Tables) -> None:
    # the control of everything below: what is refused there is refused for its one change
    assert "kimi-k2.6" in load().models


# --- the file and its header ------------------------------------------------------------------------------------------


def test_a_missing_file_is_named(tables: Tables) -> None:
    tables.path("formats").unlink()
    message = refusal().message
    assert str(tables.path("formats")) in message
    assert "No such file" in message


def test_a_file_that_is_not_utf_8_is_named_with_the_byte(tables: Tables) -> None:
    whole = tables.path("systems").read_bytes()
    tables.path("systems").write_bytes(whole + "é".encode("latin-1"))
    message = refusal().message
    assert str(tables.path("systems")) in message
    assert f"not UTF-8 text (unexpected end of data at byte {len(whole)})" in message


def test_an_empty_file_lacks_its_columns(tables: Tables) -> None:
    tables.path("formats").write_text("", encoding="utf-8")
    message = refusal().message
    assert message.startswith("formats.csv line 1: column ")
    assert message.endswith(" is missing")


def test_a_table_without_rows_is_refused(tables: Tables) -> None:
    tables.write("formats", tables.read("formats")[:1])
    assert refusal().message == "formats.csv: no rows"


def test_an_unknown_column_is_refused_with_the_nearest(tables: Tables) -> None:
    lines = tables.read("chip_specs")
    lines[0][lines[0].index("unit")] = "units"
    tables.write("chip_specs", lines)
    assert refusal().message == "unknown column of chip_specs.csv 'units'; did you mean 'unit'?"


def test_a_missing_column_is_named(tables: Tables) -> None:
    lines = tables.read("chip_specs")
    place = lines[0].index("quantity")
    tables.write("chip_specs", [[cell for at, cell in enumerate(row) if at != place] for row in lines])
    assert refusal().message == "chip_specs.csv line 1: column quantity is missing"


def test_a_column_that_may_be_empty_may_be_left_out(tables: Tables) -> None:
    lines = tables.read("formats")
    place = lines[0].index("note")
    tables.write("formats", [[cell for at, cell in enumerate(row) if at != place] for row in lines])
    assert load().formats["nvfp4"].bytes_per_weight == 0.5625  # 4 bits and an 8-bit scale for every 16: 0.5 + 1/16


def test_a_column_twice_is_named(tables: Tables) -> None:
    lines = tables.read("chip_specs")
    tables.write("chip_specs", [[*row, row[0]] for row in lines])
    assert refusal().message == "chip_specs.csv line 1: column chip stands twice"


@pytest.mark.parametrize(("change", "cells"), [("short", 10), ("long", 12)])
def test_a_row_of_another_length_is_named(tables: Tables, change: str, cells: int) -> None:
    lines = tables.read("chip_specs")
    lines[6] = lines[6][:-1] if change == "short" else [*lines[6], "one more"]
    tables.write("chip_specs", lines)
    assert refusal().message == f"chip_specs.csv line 7: {cells} cells, the header has 11"


def test_a_blank_line_is_a_row_without_cells(tables: Tables) -> None:
    lines = tables.read("formats")
    tables.path("formats").write_text(
        "\n".join(
            ["format,bytes_per_weight,compute_precision,source,retrieved,note", "", *(",".join(row) for row in lines[1:])]
        ),
        encoding="utf-8",
    )
    assert refusal().message == "formats.csv line 2: 0 cells, the header has 6"


def test_an_open_quote_is_named(tables: Tables) -> None:
    with tables.path("formats").open("a", encoding="utf-8") as file:
        file.write('"never closed,1,fp4,here,2026,\n')
    assert "formats.csv line " in refusal().message


# --- one cell ---------------------------------------------------------------------------------------------------------

# table, column, what the cell is changed to, what the message says of it; always in the table's row 3
CELLS = [
    ("formats", "bytes_per_weight", "half", "valid number"),
    ("formats", "bytes_per_weight", "0", "greater than 0"),
    ("formats", "bytes_per_weight", "-1", "greater than 0"),
    ("formats", "bytes_per_weight", "nan", "finite number"),
    ("formats", "bytes_per_weight", "inf", "finite number"),
    ("formats", "bytes_per_weight", "", "the cell is empty"),
    ("formats", "compute_precision", "fp5", "'fp4', 'fp8' or 'bf16'"),
    ("formats", "source", " ", "the cell is empty"),
    ("chip_specs", "low", "many", "valid number"),
    ("chip_specs", "low", "-1", "greater than or equal to 0"),
    ("chip_specs", "quantity", "hbm_bandwith", "hbm_bandwidth"),
    ("chip_specs", "preferred", "perhaps", "valid boolean"),
    ("systems", "gpus", "0", "greater than or equal to 1"),
    ("systems", "gpus", "1.5", "valid integer"),
    ("models", "unit", "billions", "1e9 parameters"),
    ("checkpoints", "part", "atention", "attention"),
    ("checkpoints", "status", "rumoured", "inferred"),
    ("chip_sales", "units_median", "many", "valid number"),
    ("chip_sales", "units_median", "inf", "finite number"),
    ("chip_sales", "start_date", "2025-13-01", "not a date"),
    ("chip_sales", "start_date", "2025-1-1", "match pattern"),
    ("token_demand", "tokens_central", "-5", "greater than 0"),
    ("token_demand", "per", "fortnight", "'minute', 'day'"),
    ("token_demand", "as_of", "yesterday", "not a date"),
    ("demand_parameters", "low", "nan", "finite number"),
    ("growth_and_supply_facts", "fact", "", "the cell is empty"),
    ("api_prices", "output_usd_per_mtok", "free", "valid number"),
    ("serving_speeds", "output_tokens_per_s_per_user", "0", "greater than 0"),
    ("article_numbers", "tolerance", "1", "less than 1"),
    ("article_numbers", "status", "wrong", "not reproduced"),
    ("presets", "value", "", "the cell is empty"),
]


@pytest.mark.parametrize(("table", "column", "cell", "reason"), CELLS, ids=[f"{c[0]}-{c[1]}-{c[2]}" for c in CELLS])
def test_a_wrong_cell_is_named_by_file_line_and_column(
    tables: Tables, table: str, column: str, cell: str, reason: str
) -> None:
    tables.put(table, 3, column, cell)
    error = refusal()
    assert error.message.startswith(f"{table}.csv line 3, column {column}: got '{cell.strip()}'; ")
    assert reason in error.message
    assert error.field == f"{table}.csv:3"


@pytest.mark.parametrize("value", ["fast", "0", "-8e12", "nan", "inf"])
def test_the_value_of_a_chip_is_a_positive_number(tables: Tables, value: str) -> None:
    line = tables.line_of("chip_specs", **BANDWIDTH)
    tables.put("chip_specs", line, "central", value)
    message = refusal().message
    assert message.startswith(f"chip_specs.csv line {line}, column central")
    assert value in message


@pytest.mark.parametrize("value", ["many", "-1", "nan", "inf"])
def test_a_dimension_of_a_model_is_a_number_of_0_or_more(tables: Tables, value: str) -> None:
    line = tables.line_of("models", **KIMI_DIMENSION)
    tables.put("models", line, "value", value)
    message = refusal().message
    assert message.startswith(f"models.csv line {line}, column value")
    assert value in message


def test_a_release_date_is_a_date(tables: Tables) -> None:
    line = tables.line_of("chip_specs", quantity="release_date")
    tables.put("chip_specs", line, "central", "soon")
    message = refusal().message
    assert message.startswith(f"chip_specs.csv line {line}, column central")
    assert "not a date" in message


# --- several cells of one row -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "cells", "columns"),
    [
        ("chip_specs", {"quantity": "hbm_bandwidth", "central": "5", "low": "9", "high": "9"}, "low/central/high"),
        ("chip_specs", {"quantity": "hbm_bandwidth", "central": "5", "low": "1", "high": "4"}, "low/central/high"),
        ("chip_specs", {"quantity": "hbm_bandwidth", "central": "5", "low": "9", "high": "1"}, "low/central/high"),
        ("chip_sales", {"units_p5": "2", "units_median": "1", "units_p95": "3"}, "units"),
        ("chip_sales", {"h100e_p5": "1", "h100e_median": "4", "h100e_p95": "3"}, "h100e"),
        ("chip_sales", {"start_date": "2025-04-01", "end_date": "2025-01-01"}, "end_date"),
        ("chip_sales_cumulative", {"power_mw_p5": "2", "power_mw_median": "1"}, "power_mw"),
        ("token_demand", {"tokens_low": "9", "tokens_central": "5"}, "tokens"),
        ("demand_parameters", {"low": "9", "central": "", "high": "5"}, "low/central/high"),
        ("demand_parameters", {"low": "9", "central": "", "high": ""}, "central"),
        ("growth_and_supply_facts", {"low": "9", "central": "5", "high": "10"}, "low/central/high"),
    ],
)
def test_numbers_out_of_order_are_named(tables: Tables, table: str, cells: dict[str, str], columns: str) -> None:
    for column, cell in cells.items():
        tables.put(table, 3, column, cell)
    assert refusal().message.startswith(f"{table}.csv line 3, column {columns}: ")


# --- rows that contradict each other or point nowhere -----------------------------------------------------------------


Fault = tuple[tuple[str, ...], int, str]  # what the message says, and the line and column that are wrong


def two_preferred(tables: Tables) -> Fault:
    line = tables.repeat("chip_specs", tables.line_of("chip_specs", **BANDWIDTH))
    return ("chip_specs.csv", "GB200 NVL72", "two preferred rows", "hbm_bandwidth"), line, "preferred"


def dimension_twice(tables: Tables) -> Fault:
    line = tables.repeat("models", tables.line_of("models", **KIMI_DIMENSION))
    return ("models.csv", "kimi-k2.6", "two rows", "layers"), line, "quantity"


def part_twice(tables: Tables) -> Fault:
    line = tables.repeat("checkpoints", tables.line_of("checkpoints", checkpoint="nvidia/kimi-k2.6-nvfp4", part="router"))
    return ("checkpoints.csv", "nvidia/kimi-k2.6-nvfp4", "two rows", "router"), line, "part"


def unknown_format(tables: Tables) -> Fault:
    line = tables.line_of("checkpoints", checkpoint="nvidia/kimi-k2.6-nvfp4", part="routed_experts")
    tables.put("checkpoints", line, "format", "nvfp5")
    return ("checkpoints.csv", "'nvfp5'", "did you mean 'nvfp4'?"), line, "format"


def unknown_model(tables: Tables) -> Fault:
    line = tables.line_of("checkpoints", checkpoint="nvidia/kimi-k2.6-nvfp4", part="router")
    tables.put("checkpoints", line, "model", "kimi-k2.66")
    return ("checkpoints.csv", "'kimi-k2.66'", "did you mean 'kimi-k2.6'?"), line, "model"


def unknown_chip(tables: Tables) -> Fault:
    line = tables.line_of("systems", system="gb200-nvl72")
    tables.put("systems", line, "chip", "GB200 NVL27")
    return ("systems.csv", "'GB200 NVL27'", "did you mean 'GB200 NVL72'?"), line, "chip"


def no_cache_format(tables: Tables) -> Fault:
    line = tables.line_of("checkpoints", checkpoint="nvidia/kimi-k2.6-nvfp4", part="kv_cache")
    tables.drop_line("checkpoints", line)
    first = tables.line_of("checkpoints", checkpoint="nvidia/kimi-k2.6-nvfp4")
    return ("checkpoints.csv", "nvidia/kimi-k2.6-nvfp4", "no row of kv_cache"), first, "part"


def no_domain(tables: Tables) -> Fault:
    tables.drop_line(
        "chip_specs", tables.line_of("chip_specs", chip="GB200 NVL72", quantity="scaleup_domain", preferred="1")
    )
    line = tables.line_of("systems", system="gb200-nvl72")
    return ("systems.csv", "gb200-nvl72", "no gpus", "GB200 NVL72", "scaleup_domain"), line, "gpus"


ACROSS = [
    two_preferred,
    dimension_twice,
    part_twice,
    unknown_format,
    unknown_model,
    unknown_chip,
    no_cache_format,
    no_domain,
]


@pytest.mark.parametrize("fault", ACROSS)
def test_a_fault_across_rows_names_the_file_and_what_it_is_about(tables: Tables, fault: Callable[[Tables], Fault]) -> None:
    words, _, _ = fault(tables)
    message = refusal().message
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize("fault", ACROSS)
def test_a_fault_across_rows_names_line_and_column(tables: Tables, fault: Callable[[Tables], Fault]) -> None:
    _, line, column = fault(tables)
    message = refusal().message
    assert f"line {line}" in message
    assert f"column {column}" in message


@pytest.mark.parametrize(
    ("table", "cells"),
    [
        ("systems", {"system": "gb200-nvl72"}),
        ("formats", {"format": "nvfp4"}),
        ("presets", {"preset": "article", "parameter": "compute_efficiency"}),
        ("presets", {"preset": "any", "parameter": "speed"}),
        ("article_numbers", {"key": "rack-article"}),
    ],
)
def test_a_key_twice_is_refused(tables: Tables, table: str, cells: dict[str, str]) -> None:
    tables.repeat(table, tables.line_of(table, **cells))
    assert f"{table}.csv" in refusal().message


# --- presets ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parameter", ["compute_efficiency", "bandwidth_efficiency", "step_latency_s", "counting"])
def test_a_preset_that_lacks_a_number_is_refused(tables: Tables, parameter: str) -> None:
    tables.drop_line("presets", tables.line_of("presets", preset="article", parameter=parameter))
    message = refusal().message
    assert message.startswith("presets.csv: ")
    assert parameter in message


@pytest.mark.parametrize("parameter", ["speed", "hbm_reserve", "prefill_chunk_tokens", "activation_bytes"])
def test_a_default_that_is_missing_is_refused(tables: Tables, parameter: str) -> None:
    tables.drop_line("presets", tables.line_of("presets", preset="any", parameter=parameter))
    with pytest.raises(InputError, match=r"presets\.csv.*" + parameter):
        throughput("kimi-k2.6", "gb200-nvl72")


@pytest.mark.parametrize(
    ("preset", "parameter", "value"),
    [
        ("article", "compute_efficiency", "most"),
        ("article", "compute_efficiency", "nan"),
        ("article", "compute_efficiency", "1.5"),
        ("article", "bandwidth_efficiency", "0"),
        ("article", "step_latency_s", "-1"),
        ("article", "step_latency_s", "inf"),
        ("article", "counting", "guessing"),
        ("any", "speed", "quick"),
        ("any", "speed", "-35"),
        ("any", "hbm_reserve", "1"),
        ("any", "prefill_chunk_tokens", "nan"),
        ("any", "activation_bytes", "-2"),
    ],
)
def test_a_preset_out_of_range_is_refused_by_file(tables: Tables, preset: str, parameter: str, value: str) -> None:
    tables.put("presets", tables.line_of("presets", preset=preset, parameter=parameter), "value", value)
    message = refusal().message
    assert message.startswith("presets.csv")
    assert value in message


# --- units and formats ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "reason"), [("TBs", "unknown unit 'TBs'"), ("GiB", "hbm_bandwidth"), ("FLOP/s", "hbm_bandwidth")]
)
def test_a_chip_is_described_in_units_of_its_quantity(tables: Tables, unit: str, reason: str) -> None:
    line = tables.line_of("chip_specs", **BANDWIDTH)
    tables.put("chip_specs", line, "unit", unit)
    message = refusal().message
    assert message.startswith(f"chip_specs.csv line {line}, column unit")
    assert reason in message


@pytest.mark.parametrize("part", ["attention", "routed_experts", "head"])
def test_a_checkpoint_that_lacks_a_part_of_its_model_is_refused(tables: Tables, part: str) -> None:
    tables.drop_line("checkpoints", tables.line_of("checkpoints", checkpoint="nvidia/kimi-k2.6-nvfp4", part=part))
    with pytest.raises(InputError, match="nvidia/kimi-k2.6-nvfp4.*" + part):
        throughput("kimi-k2.6", "gb200-nvl72", counting="checkpoint", precision="nvidia/kimi-k2.6-nvfp4")


@pytest.mark.parametrize(
    ("quantity", "column", "cell"),
    [("layers", "unit", "text"), ("vocab_size", "value", "0"), ("experts_per_token", "value", "500"), ("title", "", "")],
)
def test_a_model_that_cannot_be_built_is_refused_or_not_modelled(
    tables: Tables, quantity: str, column: str, cell: str
) -> None:
    line = tables.line_of("models", model="kimi-k2.6", quantity=quantity)
    if column:
        tables.put("models", line, column, cell)
        if column == "unit":
            tables.put("models", line, "value", "sixty-one")
    else:
        tables.drop_line("models", line)
    with pytest.raises(InputError, match=quantity):
        load().model("kimi-k2.6")
