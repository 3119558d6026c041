"""Models of one's own: read from a config.json, kept as such under a name."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fleetline import files
from fleetline.architecture.model import Model
from fleetline.catalog import config_token
from fleetline.catalog.config_file import Config, parse, read_config, shown, shown_path
from fleetline.catalog.huggingface import Described, describe
from fleetline.catalog.load import Catalog, load
from fleetline.catalog.models import build_model
from fleetline.catalog.quantization import stored
from fleetline.catalog.rows import ModelRow
from fleetline.catalog.tables import DATA_VARIABLE, data_folder
from fleetline.catalog.types import Checkpoint
from fleetline.errors import InputError
from fleetline.named import files_allowed, is_file

_SNAPSHOT = re.compile(
    r"/models--(?:[^/]+--)?(?P<model>[^/]+)/snapshots/[^/]+$"
)  # as the cache of huggingface_hub has them
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Imported:
    """A model read from a config.json, and the checkpoint the file describes (None: it does not say).

    Attributes:
        described: what the file says, by the names of `models.csv`. described_by: the field the checkpoint is known from.
        rows: the same as rows of `models.csv`. path: where the file stands. content: the file.
    """

    model: Model
    checkpoint: Checkpoint | None
    described: Described
    described_by: str
    rows: tuple[ModelRow, ...]
    path: Path
    content: bytes


def is_config(name: str) -> bool:
    """Whether a model is asked for by the path of its config.json."""
    return is_file("model", name, ".json")


def from_config(path: Path, name: str | None = None) -> Imported:
    """The model of a Hugging Face config.json, or of a folder that holds one; called after its file or folder unless named.

    Raises:
        InputError: no such file, not JSON, a family or a quantisation that is not known, a field that makes no sense.
    """
    file = _in_folder(path)
    config, content = read_config(file)
    return _imported(config, content, file, name)


def _in_folder(path: Path) -> Path:
    """The configuration of a folder, as a repository's snapshot is one; anything else as it is."""
    if not os.path.isdir(path):  # noqa: PTH112  (Path.is_dir raises where a folder above may not be entered)
        return path
    file = path / "config.json"
    if not os.path.lexists(file):
        allowed = "a Hugging Face config.json, or a folder that holds one"
        said = f"model file {shown_path(path)}: a folder without a config.json, allowed {allowed}"
        raise InputError(said, field="model", got=shown_path(path), allowed=allowed)
    return file


def from_content(content: bytes, name: str) -> Imported:
    """The model of a config.json that is given itself; messages call it so.

    Raises:
        InputError: as `from_config`.
    """
    path = Path("config.json")
    return _imported(parse(content, path), content, path, name)


def _imported(config: Config, content: bytes, path: Path, name: str | None) -> Imported:
    described = describe(config)
    called = name or _called(path, described.model_type)
    rows = {
        quantity: ModelRow(
            source=config.file,
            table=path.name,
            model=called,
            quantity=quantity,
            value=str(value),
            unit="text" if isinstance(value, str) else "1",
            retrieved="imported",
            licence="that of the file",
        )
        for quantity, value in (described.facts | {"title": called}).items()
    }
    try:
        model = build_model(called, rows)
    except InputError as error:  # what the fields allow one by one and not together
        raise InputError(f"{config.file}: {error.message}", field="model", got=config.file) from error
    found = stored(config, described, model, load().formats)
    return Imported(model, found.checkpoint, described, found.described_by, tuple(rows.values()), path, content)


def _called(path: Path, model_type: str) -> str:
    """The file's name, or its folder's where the file is called config.json as everywhere; a snapshot's repository's."""
    folder = Path(os.path.abspath(path)).parent  # noqa: PTH100
    snapshot = _SNAPSHOT.search(folder.as_posix())
    names = (re.sub(r"[_-]?config$", "", path.stem), snapshot["model"] if snapshot else folder.name)
    stem, above = (re.sub(r"[^A-Za-z0-9._-]+", "-", each).strip("-._") for each in names)
    return (stem or above or model_type)[:100]


# --- kept under a name ----------------------------------------------------------------------------------------------------


def saved_folder() -> Path:
    """Where saved models stand: in one's own catalog folder if there is one, else with one's other data."""
    own = os.environ.get(DATA_VARIABLE)
    if own:
        return Path(own) / "models"
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "fleetline" / "models"


def saved_names() -> list[str]:
    """The names of saved models; none where files may not be named, as they are somebody's own."""
    if not files_allowed():
        return []
    try:
        return sorted(path.stem for path in saved_folder().glob("*.json") if _NAME.fullmatch(path.stem))
    except (OSError, RuntimeError):  # a folder that may not be read, a user without a home: nothing is saved
        return []


def keep(imported: Imported) -> Path:
    """Keep the config.json under the model's name, whole or not at all; the same file again changes nothing.

    Raises:
        InputError: a name that the catalog or another saved model has, or that is none; a folder that cannot be written.
    """
    name, catalog = imported.model.name, load()
    check_name(name)
    if name in catalog.models or name in catalog.not_modelled:
        raise InputError(f"name: '{name}' is a model of the catalog; give another", field="name", got=name)
    try:
        path = saved_folder() / f"{name}.json"
        if path.exists() and path.read_bytes() != imported.content:
            raise InputError(f"name: {path} is another model; give another name or remove it", field="name", got=name)
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, imported.content)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot save model {name}: {reason}", field="save", got=name) from error
    return path


def check_name(name: object) -> None:
    """Raises InputError for what is no name."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        allowed = "up to 100 letters, digits, '.', '_' and '-', the first a letter or digit"
        raise InputError(f"name: got {shown(name)}, allowed {allowed}", field="name", got=shown(name), allowed=allowed)


def from_token(token: str) -> Imported:
    """The model of a token that `token_of` wrote.

    Raises:
        InputError: no token, or one that holds no configuration.
    """
    return _from_token(token, data_folder())


@lru_cache(maxsize=64)
def _from_token(token: str, _folder: Path) -> Imported:
    name, content = config_token.read(token)
    check_name(name)
    return from_content(content, name)


def token_of(imported: Imported) -> str:
    """The model as a name that holds its configuration: only the fields that say something of it.

    Raises:
        InputError: it is too long for an address even so.
    """
    fields = dict(parse(imported.content, imported.path).fields)
    told = _told(imported)

    def same(some: Mapping[str, Any]) -> bool:
        try:
            return _told(from_content(json.dumps(some).encode(), imported.model.name)) == told
        except InputError:
            return False

    small = config_token.smallest(fields, same)
    for place, inner in small.items():
        if isinstance(inner, dict):
            outer = dict(small)
            small[place] = config_token.smallest(inner, partial(_inside, same, outer, place))
    return config_token.write(imported.model.name, small)


def _inside(
    same: Callable[[Mapping[str, Any]], bool], outer: Mapping[str, Any], place: str, some: Mapping[str, Any]
) -> bool:
    return same({**outer, place: dict(some)})


def _told(imported: Imported) -> tuple[Any, ...]:
    """All that an answer can depend on."""
    return imported.model, imported.checkpoint, imported.described.facts, imported.described_by


def find(catalog: Catalog, name: str) -> Imported | None:
    """The model a path or a saved name means; None where the catalog is to answer.

    Raises:
        InputError: as `from_config`.
    """
    if config_token.is_token(name):
        return from_token(name)
    if is_config(name):
        return from_config(Path(name))
    if name in catalog.models or name in catalog.not_modelled or name not in saved_names():
        return None
    return from_config(saved_folder() / f"{name}.json", name)


# --- what is shown --------------------------------------------------------------------------------------------------------


def import_model(path: str | Path, *, save: bool = False, name: str | None = None) -> dict[str, Any]:
    """A Hugging Face config.json as a model: sizes [parameter], cache [element/token], attention, checkpoint [byte].

    Args:
        path: of the file, or of a folder that holds one; the file's name then stands wherever a model is asked for.
        save: keep it under its name, so that the name alone is enough.
        name: what to call it, instead of its file's or folder's name.

    Raises:
        InputError: the file or one of its fields, in one line; a name that is taken.
    """
    if name is not None:
        check_name(name)
    if not isinstance(path, str | os.PathLike) or not str(path):
        raise InputError(
            f"path: got {shown(path) or 'no letters'}, allowed the path of a config.json", field="path", got=shown(path)
        )
    imported = from_config(Path(path), name)
    kept = keep(imported) if save else None
    return facts_of(imported) | {"path": str(imported.path), "saved": None if kept is None else str(kept)}


def facts_of(imported: Imported) -> dict[str, Any]:
    """What is told of an imported model; units as in `import_model`."""
    facts, model = imported.described.facts, imported.model
    return {
        "name": model.name,
        "model_type": imported.described.model_type,
        "total_parameters": model.total_parameters,
        "active_parameters": model.active_parameters,
        "kv_elements_per_token": model.kv_elements_per_token,
        "attention": facts["attention_kind"],
        "attention_layers": [{"kind": group.attention.name, "layers": group.count} for group in model.attention],
        "layers": facts["layers"],
        "hidden_size": facts["hidden_size"],
        "experts": facts.get("n_routed_experts", 0),
        "experts_per_token": facts.get("experts_per_token", 0),
        "shared_experts": facts.get("n_shared_experts", 0),
        "max_context": facts["max_context"],
        **_weights(imported),
    }


def _weights(imported: Imported) -> dict[str, Any]:
    """The checkpoint: bytes of every part, and of the cache a token."""
    model, checkpoint = imported.model, imported.checkpoint
    formats = MappingProxyType({}) if checkpoint is None else checkpoint.formats
    parts = [
        {
            "part": part.name,
            "parameters": part.elements,
            "active": part.active,
            "format": formats[part.name].name if part.name in formats else None,
            "bytes": part.elements * formats[part.name].bytes_per_weight if part.name in formats else None,
        }
        for part in model.parts
    ]
    cache = None if checkpoint is None else checkpoint.kv_cache
    return {
        "checkpoint": None if checkpoint is None else checkpoint.label,
        "described_by": imported.described_by or None,
        "weights": parts,
        "weight_bytes": None if checkpoint is None else sum(part["bytes"] for part in parts),
        "kv_cache": None if cache is None else cache.name,
        "kv_bytes_per_token": None if cache is None else model.kv_elements_per_token * cache.bytes_per_weight,
    }
