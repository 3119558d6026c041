"""Write this release's forecasts into the catalog's ledger: `make ledger`.

    python tools/ledger.py src/fleetline/catalog/data [--again]

Rows of other releases are kept to the byte. Those of this release are written once; `--again` replaces them, which is for
the time before it is out.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from fleetline.questions.ledgers import ledger

COLUMNS = [
    *("made_on", "release", "quantity", "date", "unit", "p5", "p50", "p95", "method", "inputs", "source"),
]


def main(data: Path, *, again: bool) -> None:
    """Append, or replace this release's rows."""
    path = data / "ledger.csv"
    with path.open(encoding="utf-8", newline="") as file:
        kept = list(csv.DictReader(file))
    made = ledger()
    mine = [row for row in kept if row["release"] == made.release]
    if mine and not again:
        raise SystemExit(f"ledger.csv: release {made.release} has {len(mine)} entries already; a forecast is not changed")
    others = [row for row in kept if row["release"] != made.release]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows([*others, *made.rows()])


if __name__ == "__main__":
    main(Path(sys.argv[1]), again="--again" in sys.argv[2:])
