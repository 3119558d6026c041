"""The collection's own files: nothing is lost, and the numbers agree with what its README says of them."""

from __future__ import annotations

import csv
import statistics
import time
from collections import Counter
from pathlib import Path

import pytest
from harness import COLLECTION, SHIPPED
from published_rows import complete, write_csv

from fleetline.measurements import Measurement, Table, read

pytestmark = pytest.mark.skipif(not COLLECTION.exists(), reason=f"the collected data is not at {COLLECTION}")
FOLDER = COLLECTION / "inferencex"
# Rows of runs_with_ttft.csv that say no concurrency, so that nothing can be predicted for them (counted by hand).
WITHOUT_CONCURRENCY = 16


@pytest.fixture(scope="module")
def medians() -> Table:
    return complete(read(FOLDER / "benchmarks.csv"))


@pytest.fixture(scope="module")
def runs() -> Table:
    return complete(read(FOLDER / "runs_with_ttft.csv"))


def raw(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def little(row: Measurement) -> float:
    """README.md's self-check: the share of its clients that the measured rate and TPOT account for (Little's law)."""
    assert row.throughput_gpu and row.gpus and row.output_tokens and row.input_tokens and row.tpot_s
    output = row.throughput_gpu * row.gpus * row.output_tokens / (row.input_tokens + row.output_tokens)
    return output * row.tpot_s / row.concurrency


def sound(table: Table, *, disaggregated: bool) -> list[Measurement]:
    return [row for row in table.rows if row.disaggregated is disaggregated and row.gpus and row.tpot_s]


def test_every_median_is_read(medians: Table) -> None:
    assert (medians.total, len(medians.rejected)) == (6534, 0)
    kinds = Counter(row.kind for row in medians.rows)
    assert kinds == {"median_over_runs": 5555, "single_run": 920, "single_run_rounded": 59}  # README.md, "Filled cells"
    assert sum(row.tpot_s is not None for row in medians.rows) == 5555 + 920
    assert sum(row.ttft_s is not None for row in medians.rows) == 920
    assert sum(row.gpus is None for row in medians.rows) == 6534 - (5524 + 920 + 50)


def test_every_run_is_read_but_those_without_a_concurrency(runs: Table) -> None:
    assert runs.total == 2459
    reasons = Counter(row.reason for row in runs.rejected)
    assert reasons == {"conc: empty or missing, needed: a whole number over 0": WITHOUT_CONCURRENCY}
    empty = {row["row_id"] for row in raw("runs_with_ttft.csv") if not row["conc"]}
    assert {row.row_id for row in runs.rejected} == empty
    assert all(row.tpot_s and row.ttft_s and row.statistic == "mean" for row in runs.rows)


def test_every_agentx_row_is_read() -> None:
    table = complete(read(FOLDER / "agentx.csv"))
    assert (table.total, len(table.rejected)) == (722, 0)
    assert {row.workload for row in table.rows} == {"agentic"}
    assert {row.hardware for row in table.rows if not row.vendor} == set()


@pytest.mark.parametrize(("disaggregated", "published"), [(False, 0.96), (True, 0.86)])
def test_the_published_self_check_holds(medians: Table, disaggregated: bool, published: float) -> None:
    found = statistics.median(map(little, sound(medians, disaggregated=disaggregated)))
    assert round(found, 2) == published  # README.md, "GPU counts (trap)", of the whole collection: this is its open part


def test_the_self_check_would_notice_the_product_of_degrees(medians: Table) -> None:
    """A control: with tp x ep GPUs the same check fails."""
    rows = [row for row in sound(medians, disaggregated=False) if (row.decode.ep or 0) > 1]
    trapped = [little(row) * (row.decode.tp or 1) * (row.decode.ep or 1) / (row.gpus or 1) for row in rows]
    assert statistics.median(trapped) > 3.0


def test_the_derived_gpus_are_what_the_table_says(medians: Table, tmp_path: Path) -> None:
    rows = [{name: cell for name, cell in row.items() if "gpus_total" not in name} for row in raw("benchmarks.csv")]
    derived = complete(read(write_csv(tmp_path, *rows)))
    assert [row.gpus for row in derived.rows] == [row.gpus for row in medians.rows]


def test_input_and_output_add_up_to_the_throughput(medians: Table) -> None:
    """README.md, "Units": tput x (P + D) = in x P + out x D on every row with two counted pools."""
    checked = 0
    for row, cells in zip(medians.rows, raw("benchmarks.csv"), strict=True):
        if row.disaggregated and row.output_throughput and row.prefill.total and row.gpus and row.throughput_gpu:
            both = row.output_throughput + float(cells["input_tput_per_gpu_tok_s"]) * row.prefill.total
            assert both == pytest.approx(row.throughput_gpu * row.gpus, rel=1e-3), row.row_id
            checked += 1
    assert checked == 361 - 4  # four rows of the old schema do not say which GPUs did what


def test_one_configuration_has_one_layout(medians: Table) -> None:
    layouts: dict[str, set[object]] = {}
    for row in medians.rows:
        layouts.setdefault(row.config, set()).add((row.model, row.hardware, row.framework, row.precision, row.decode))
    assert {name for name, found in layouts.items() if len(found) > 1} == set()


@pytest.mark.parametrize(("name", "shift"), [("benchmarks", 1), ("runs_with_ttft", 1)])
def test_the_shipped_parquet_is_the_same_table(name: str, shift: int) -> None:
    table, shipped = read(FOLDER / f"{name}.csv"), complete(read(SHIPPED / f"{name}.parquet"))
    assert (shipped.form, shipped.total) == (table.form, table.total)
    names = [field for field in Measurement.__slots__ if field not in ("line", "source")]
    for left, right in zip(table.rows, shipped.rows, strict=True):
        assert [getattr(left, field) for field in names] == [getattr(right, field) for field in names]
        assert left.line == right.line + shift  # a CSV has a header
    assert [row.reason for row in table.rejected] == [row.reason for row in shipped.rejected]


def test_ten_thousand_rows_take_about_a_second(tmp_path: Path) -> None:
    rows = (raw("benchmarks.csv") * 2)[:10_000]
    path = write_csv(tmp_path, *rows)
    begin = time.process_time()
    assert complete(read(path)).total == 10_000
    assert time.process_time() - begin < 3.0  # 0.8 s on the machine this was written on
