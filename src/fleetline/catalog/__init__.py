"""What is claimed: every number with its source, loaded into frozen values and checked on the way in.

`load()` gives the whole catalog; `Catalog.model("kimi-k2.6")`, `.system("gb200-nvl72")` and so on find one value by name.
"""

from fleetline.catalog.load import Catalog, load, table_path
from fleetline.catalog.types import Checkpoint, Chip, NumberFormat, Preset, System

__all__ = ["Catalog", "Checkpoint", "Chip", "NumberFormat", "Preset", "System", "load", "table_path"]
