"""What benchmark rows call models and systems, what the catalog knows them as, and how deep their recipes draft."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from fleetline.catalog import Catalog
from fleetline.catalog.rows import SpeculationRow
from fleetline.errors import InputError

Depth = tuple[float, float]  # tokens that a pass verifies, and those of them that are kept


@dataclass(frozen=True)
class Names:
    """The catalog's model of every model key, and its system of every hardware key."""

    models: Mapping[str, str]
    systems: Mapping[str, str]

    def model(self, key: str) -> str:
        """The catalog's name of a model; raises InputError where the table `benchmark_models` has none."""
        if key not in self.models:
            raise InputError(f"model '{key}' is not in the table benchmark_models{_near(key, self.models)}")
        return self.models[key]

    def system(self, key: str) -> str:
        """The catalog's name of a system; raises InputError where the table `hardware` has none."""
        if key not in self.systems:
            raise InputError(f"hardware '{key}' is not in the table hardware{_near(key, self.systems)}")
        return self.systems[key]


def _near(key: str, known: Iterable[str]) -> str:
    """The known name that one letter or so may have been meant for, if any."""
    found = difflib.get_close_matches(key, known, n=1, cutoff=0.8)
    return f"; did you mean '{found[0]}'?" if found else ""


def names_of(catalog: Catalog) -> Names:
    """The names that published rows use."""
    return Names(catalog.benchmark_models, catalog.benchmark_systems)


def recipe_drafts(catalog: Catalog) -> Mapping[str, SpeculationRow]:
    """By model key, the one depth at which the rows of a model are taken to draft."""
    return {row.key: row for row in catalog.rows("speculation", SpeculationRow) if row.use == "recipe"}


def depths_of(catalog: Catalog) -> tuple[Mapping[str, Depth], Depth]:
    """How deep the rows of each model draft, and those of any other: the middle of what was measured, a guess for it."""
    known = {key: (row.verified, row.accepted) for key, row in recipe_drafts(catalog).items()}
    verified, accepted = zip(*known.values(), strict=True)
    return known, (median(verified), median(accepted))


def drafts_of(catalog: Catalog, key: str) -> SpeculationRow:
    """The depth at which the rows of a model are taken to draft.

    Raises:
        InputError: nobody measured its drafts.
    """
    known = recipe_drafts(catalog)
    if key not in known:
        raise InputError(f"speculation of '{key}' is not in the table speculation")
    return known[key]
