"""`report`: a scenario -> its page, and figures, tables and results.json beside it, all of them or none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from fleetline import __version__
from fleetline.errors import InputError
from fleetline.questions.worlds import DRAWS, scenario_of, worlds
from fleetline.reporting.files import check_folder, replace_all, table_csv
from fleetline.reporting.plain import plain
from fleetline.scenario import Scenario


def report(
    scenario: str | Path | Scenario = "today",
    settings: Iterable[str] = (),
    *,
    out: str | Path = "out",
    draws: int = DRAWS,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Path]:
    """Run the study and write report.html, results.json, figures/*.svg, figures/*.png and tables/*.csv into `out`.

    Everything is made before the first file is touched: a run that fails or is interrupted leaves the old output whole.

    Args:
        scenario: a name, the path of a TOML file, or a scenario that was read before.
        settings: lines to change, as "demand.engineers=20e6..50e6".
        draws: worlds. seed: of the draws.
        out: the folder; made where it does not exist. Other files in it are left alone.
        progress: told what is being worked on.

    Returns:
        The files written.

    Raises:
        InputError: a scenario that does not hold; the folder cannot be written to.
    """
    from fleetline.figures import NARROW, figures  # noqa: PLC0415  (Altair takes half a second to load)
    from fleetline.reporting.page import page  # noqa: PLC0415
    from fleetline.reporting.pictures import draw  # noqa: PLC0415
    from fleetline.study import study  # noqa: PLC0415

    if not str(out):
        raise InputError("out: got '', allowed a folder", field="out", got="", allowed="a folder")
    check_folder(Path(out))
    worlds(draws, seed)
    results = study(__version__, scenario_of(scenario, settings), draws=draws, seed=seed, progress=progress)
    shown = figures(results)
    files: dict[str, bytes] = {}
    pictures = {}
    for figure, narrow in zip(shown, figures(results, NARROW), strict=True):
        progress(f"figure {figure.name.replace('_', ' ')}")
        pictures[figure.name] = draw(figure, narrow)
        files |= pictures[figure.name].files
    for name, rows in results.tables.items():
        files[f"tables/{name}.csv"] = table_csv(rows)
    files["results.json"] = (json.dumps(plain(results), indent=1, allow_nan=False) + "\n").encode()
    progress("page")
    files["report.html"] = page(results, shown, pictures).encode()
    return replace_all(Path(out), files)
