"""How people name speculation -> what is run: a free draft, the model's own draft, or another model that drafts.

* `8:3`: 8 tokens verified in a pass and 3 of them accepted; the draft is free (the article's);
* `0.8,0.7,0.6`: three drafts, each accepted with that chance once the one before was; also free;
* `mtp:3`: three drafts of the model's own draft layer, at its cost, accepted as the table `speculation` says;
* `mtp:0.8,0.7,0.6`: the same layer and its cost, with acceptances of one's own;
* `llama-3.1-8b:0.8,0.7`: another model (a name, or a config.json) drafts, at its cost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fleetline import inputs
from fleetline.architecture.drafts import LENT, own_draft
from fleetline.architecture.model import Model
from fleetline.catalog import Catalog, Checkpoint
from fleetline.catalog.rows import SpeculationRow
from fleetline.catalog.types import NumberFormat
from fleetline.errors import InputError
from fleetline.physics.rewrites.speculative import Speculative, accepted_of
from fleetline.physics.stages import Draft

OWN = "mtp"
_FORM = "VERIFIED:ACCEPTED tokens a pass, such as 8:3"
_MOST_VERIFIED = 1e6  # tokens: beyond any draft, within what floats multiply


@dataclass(frozen=True)
class Asked:
    """What is served, which a draft is made for: the model with its dimensions, and the weights it is served in."""

    catalog: Catalog
    model: Model
    checkpoint: Checkpoint


def pair(given: str | tuple[npt.ArrayLike, npt.ArrayLike]) -> Speculative:
    """A free draft by tokens verified and accepted; arrays broadcast."""
    first, second = inputs.pair("speculative", given, _FORM)
    verified, accepted = inputs.positive("speculative", first), inputs.positive("speculative", second)
    inputs.together(verified, accepted)
    wrong = np.greater(accepted, verified) | np.less(accepted, 1.0) | np.greater(verified, _MOST_VERIFIED)
    if np.any(wrong):
        # a pass always yields its own token, and cannot keep more than it looked at
        words = f"{inputs.words(accepted)} accepted of {inputs.words(verified)} verified"
        raise _refused(words, "accepted from 1 to verified")
    return Speculative(verified, accepted)


def read(given: Any, asked: Asked, other: Callable[[str], Draft]) -> Speculative | None:
    """What a text (or two numbers) of the forms above means; None for none.

    Args:
        other: finds the draft of another model by its name.

    Raises:
        InputError: none of the forms, more accepted than verified, a depth that is not in the table, a chance outside 0..1.
    """
    if given is None or given == "none":
        return None
    if not isinstance(given, str):
        return pair(given)
    who, colon, what = (part.strip() for part in given.rpartition(":"))
    chances = [_number(each) for each in what.split(",")]
    good = [each for each in chances if each is not None]
    if len(good) < len(chances) or (colon and not who) or not (colon or len(good) > 1 or 0.0 <= good[0] <= 1.0):
        raise _refused(f"'{given}'", _forms(asked))
    if colon and _number(who) is not None:
        return pair(given)
    if who == OWN:
        return _measured(what, asked) if what.isdecimal() else _of(good, own(asked))
    return _of(good, other(who) if who else None)


def _measured(given: str, asked: Asked) -> Speculative:
    known = depths(asked.catalog, asked.model)
    drafts = float(given)  # infinity for more digits than an int is read from
    if drafts not in known:
        raise _refused(f"{OWN}:{drafts:g}", _known(asked.model, known))
    return Speculative(drafts + 1.0, known[int(drafts)], own(asked))


def _of(chances: Sequence[float], draft: Draft | None) -> Speculative:
    for chance in chances:
        if not 0.0 <= chance <= 1.0:
            raise _refused(f"{chance:g} as the chance that a draft is accepted", "0 to 1 for each, such as 0.8,0.7")
    return Speculative(len(chances) + 1.0, accepted_of(chances), draft)


def depths(catalog: Catalog, model: Model) -> Mapping[int, float]:
    """Mean tokens of a pass by drafts of the model's own, as measured (table `speculation`)."""
    keys = {key for key, name in catalog.benchmark_models.items() if name == model.name}
    rows = [row for row in catalog.rows("speculation", SpeculationRow) if row.key in keys]
    return {round(row.verified) - 1: row.accepted for row in sorted(rows, key=lambda row: row.verified)}


def own(asked: Asked) -> Draft:
    """The model's own draft layer, in the formats of its checkpoint; its projection is stored as attention is.

    Where all weights are counted in one format (the article's counting), so is the draft's.
    """
    layer, formats = own_draft(asked.model), asked.checkpoint.formats
    return Draft(layer, _stored(asked.checkpoint, layer, formats.get("attention", formats.get("rest"))), LENT)


def _stored(checkpoint: Checkpoint, model: Model, otherwise: NumberFormat | None) -> Checkpoint:
    formats = {part.name: checkpoint.formats.get(part.name, otherwise) for part in model.parts}
    known = {name: stored for name, stored in formats.items() if stored is not None}
    return Checkpoint(checkpoint.name, model.name, checkpoint.label, known, checkpoint.kv_cache)


def _known(model: Model, known: Mapping[int, float]) -> str:
    chances = f"a chance of acceptance for each draft, such as {OWN}:0.8,0.7,0.6"
    if not known:
        return f"{chances}; none is measured for {model.name}"
    return f"{OWN}: and {_listed(list(known))} drafts, as measured for {model.name}, or {chances}"


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:-1])) + f" or {numbers[-1]}" if len(numbers) > 1 else str(numbers[0])


def _forms(asked: Asked) -> str:
    known = depths(asked.catalog, asked.model)
    own_depths = f" ({_listed(list(known))} for {asked.model.name})" if known else ""
    return f"{_FORM}; {OWN}:DRAFTS{own_depths}; a chance of acceptance for each draft, such as 0.8,0.7; or none"


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _refused(got: str, allowed: str) -> InputError:
    return InputError(f"speculative: got {got}, allowed {allowed}", field="speculative", got=got, allowed=allowed)


def word(spoken: Speculative, given: Any) -> str:
    """How to ask for it again: as it was asked for, or as a pair."""
    return given if isinstance(given, str) else f"{inputs.words(spoken.verified)}:{inputs.words(spoken.accepted)}"
