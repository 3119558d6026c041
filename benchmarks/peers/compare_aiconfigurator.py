"""Runs in aiconfigurator's environment: python -m peers.compare_aiconfigurator RECORDS OUT.

Maps every record by the tool's own adapter of InferenceX and counts how often its arguments are ours.
"""

from __future__ import annotations

import csv
import json
import re
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

# Arguments at the tool's own defaults, which its adapter writes out and we leave out.
_DEFAULTS: dict[str, object] = {
    "image_height": 0,
    "image_width": 0,
    "num_images": 1,
    "enable_encoder_dp": True,
    "prefix": 0,
    "nextn": 0,
}
_DEFAULTS |= {"pp_size": 1, "prefill_pp_size": 1, "decode_pp_size": 1, "database_mode": "SILICON"}


def main(records: Path, out: Path) -> None:
    """Write outcome and count."""
    warnings.simplefilter("ignore")
    found = Counter(outcome(json.loads(line)) for line in records.read_text(encoding="utf-8").splitlines())
    with out.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("outcome", "rows"), *found.most_common()])


def outcome(row: dict[str, Any]) -> str:
    """The same arguments, other ones (and which), or the adapter's refusal without its numbers."""
    from aiconfigurator.sdk import config_adapter

    source = config_adapter.InferenceXSource(row["config"], row["benchmark"])
    report = config_adapter.adapt_config(source, config_adapter.AdapterOverrides(**row["overrides"]))
    if not report.requests:
        return "refused: " + re.sub(r" \(\d+\)", "", report.rejections[0].diagnostics[-1].message)
    theirs = _without_defaults(config_adapter.to_cli_estimate_kwargs(report.requests[0]))
    ours = _without_defaults(row["arguments"])
    other = sorted(name for name in theirs.keys() | ours.keys() if theirs.get(name) != ours.get(name))
    return f"differs in {', '.join(other)}" if other else "the same arguments"


def _without_defaults(arguments: dict[str, Any]) -> dict[str, Any]:
    defaults = _DEFAULTS | {"decode_system_name": arguments["system_name"]}
    return {name: value for name, value in arguments.items() if name not in defaults or defaults[name] != value}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
