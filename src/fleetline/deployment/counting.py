"""How a model is counted and its weights are stored: as the article does, as in its checkpoint, or in one format."""

from __future__ import annotations

from dataclasses import replace

from fleetline import inputs
from fleetline.architecture.model import Model, as_the_article_counts
from fleetline.catalog import Catalog, Checkpoint, imported
from fleetline.catalog.imported import Imported
from fleetline.catalog.rows import COUNTINGS
from fleetline.catalog.types import FALLBACK_PRECISION
from fleetline.errors import InputError, unknown_name


def exact(catalog: Catalog, name: str) -> Model:
    """A model with its dimensions, by its name or its config.json."""
    own = imported.find(catalog, name)
    return catalog.model(name) if own is None else own.model


def counted_as(catalog: Catalog, name: str, counting: str, precision: str | None) -> tuple[Model, Checkpoint]:
    """A model by its name or its config.json, and how its weights are stored, in one of `COUNTINGS`."""
    own = imported.find(catalog, name)
    model = catalog.model(name) if own is None else own.model
    if precision is not None:
        precision = inputs.text("precision", precision)
    match counting:
        case "article":
            return _as_article(
                catalog, model if own is None else _as_counted(model), "fp4" if precision is None else precision
            )
        case "checkpoint":
            return model, _checkpoint(catalog, name, precision) if own is None else _own_checkpoint(catalog, own, precision)
        case _:
            raise unknown_name("counting", counting, COUNTINGS)


def _as_counted(model: Model) -> Model:
    """A model nobody published sizes of: those counted from its dimensions stand in for them."""
    return replace(model, published_total=float(model.total_parameters), published_active=float(model.active_parameters))


def _own_checkpoint(catalog: Catalog, own: Imported, precision: str | None) -> Checkpoint:
    """The checkpoint a config.json describes; or every weight in `precision`, and the cache as described, else in bf16."""
    described = own.checkpoint
    if described is not None and precision in {None, described.label, described.name}:
        return described
    if precision is None:
        said = "neither quantization_config nor dtype says a format known here; give a precision"
        raise InputError(f"{own.path}: dtype: {said}", field="dtype")
    chosen = catalog.format(precision)
    parts = {part.name: chosen for part in own.model.parts}
    cache = catalog.format(FALLBACK_PRECISION) if described is None else described.kv_cache
    return Checkpoint(f"all {chosen.name}", own.model.name, chosen.name, parts, cache)


def _as_article(catalog: Catalog, model: Model, precision: str) -> tuple[Model, Checkpoint]:
    """Every weight in one format and an 8-bit cache. Source: article, sections Prefill and Decode."""
    try:
        counted = as_the_article_counts(model)
    except ValueError as error:
        raise InputError(f"{error}; ask with counting 'checkpoint'", field="counting", got="article") from error
    stored = catalog.format(precision)
    parts = {part.name: stored for part in counted.parts}
    return counted, Checkpoint(f"all {stored.name}", model.name, stored.name, parts, catalog.format("fp8"))


def _checkpoint(catalog: Catalog, model: str, precision: str | None) -> Checkpoint:
    """The first published checkpoint of the model, or the first whose label or name is `precision`."""
    known = catalog.checkpoints_of(model)
    fitting = [one for one in known if precision in {None, one.label, one.name}]
    if not fitting:
        names = [one.name for one in known] + sorted({one.label for one in known})
        if precision is None:
            raise InputError(f"model {model}: the catalog has no checkpoint of it", field="counting", got="checkpoint")
        raise unknown_name(f"precision of {model}", precision, names, field="precision")
    return fitting[0]
