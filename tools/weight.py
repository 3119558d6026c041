"""What is installed, how heavy, under which licence: docs/weight.md, by `make weight`.

python tools/weight.py docs/weight.md

Weighs this environment, which has every pinned set, package by package; compiled modules count.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import sysconfig
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).parent.parent
LIMIT_BYTES = 450e6  # of what makes the report, without pip
UNOWNED = "(of no package)"
SETS = {"core": "what makes the report", "web": "the extra `web`", "cluster": "the extra `cluster`"}
PAGE = """# What is installed

Made by `make weight`; do not edit. All files of each package, compiled modules included, on Python {python} and {machine}.

{sets}

A test allows {limit:.0f} MB for what makes the report, pip apart. Only `web` and `sweep --scheduler` need an extra, and say
which. No command loads a library before it needs it (`tests/test_light.py`).

{packages}

Licences are as the packages state them. `make audit` looks the pinned versions up in the advisories.
"""


@dataclass(frozen=True)
class Package:
    """One installed distribution."""

    name: str
    version: str
    licence: str
    size_bytes: int


def main(page: Path) -> None:
    """Weigh, write."""
    site = Path(sysconfig.get_path("purelib"))
    page.write_text(text(by_set({name: pinned(name) for name in SETS}, weighed(site))), encoding="utf-8")


def pinned(name: str) -> set[str]:
    """The packages of a file of pinned requirements, those of other Pythons and systems too."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return {found.lower() for found in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}


def by_set(sets: dict[str, set[str]], packages: Sequence[Package]) -> dict[str, list[Package]]:
    """Every package at the first set that needs it; what no set needs is left out."""
    found: dict[str, list[Package]] = {name: [] for name in sets}
    for package in packages:
        of = [name for name, needed in sets.items() if canonical(package.name) in needed]
        if of:
            found[of[0]].append(package)
    return found


def canonical(name: str) -> str:
    """A package's name as requirements have it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def weighed(site: Path) -> list[Package]:
    """The packages of a site-packages, the heaviest first, pip left out; files that nobody owns are one of their own."""
    installed = {each.name: each for each in distributions(path=[str(site)])}  # a name is parsed anew at every asking
    owners = {file: name for name, each in installed.items() for file in _files(each)}
    sizes = Counter(dict.fromkeys(installed, 0))
    for folder, _, files in os.walk(site):
        for file in files:
            path = os.path.join(folder, file)  # noqa: PTH118  (texts, not paths: there are tens of thousands)
            sizes[_owner(os.path.relpath(path, site), owners)] += os.lstat(path).st_size
    about = {name: (each.version, licence(each)) for name, each in installed.items()}
    return [Package(name, *about.get(name, ("", "")), size) for name, size in sizes.most_common() if name != "pip"]


def _files(package: Distribution) -> list[str]:
    """What a package's record lists: file,digest,bytes."""
    lines = (package.read_text("RECORD") or "").splitlines()
    return [line.rsplit(",", 2)[0].strip('"') for line in lines]


_COMPILED = re.compile(r"__pycache__/([^/]+?)\.cpython-[^/]*\.pyc$")  # also by others than Python, who add their names


def _owner(path: str, owners: dict[str, str]) -> str:
    """Whose a file is; what Python compiled belongs to whom the source belongs to."""
    if path not in owners and path.endswith(".pyc") and "__pycache__/" in path:
        path = _COMPILED.sub(r"\1.py", path)
    return owners.get(path, UNOWNED)


def licence(package: Distribution) -> str:
    """What a package says of itself: an SPDX expression, or else what it calls its licence."""
    said = package.metadata
    classifiers = [each.rpartition(" :: ")[2] for each in said.get_all("Classifier", []) if each.startswith("License ::")]
    named = ", ".join(said.get_all("License-Expression") or classifiers or said.get_all("License") or ["not stated"])
    return named.strip().partition("\n")[0]


def text(found: dict[str, list[Package]]) -> str:
    """The page."""
    sets = [(SETS[name], str(len(each)), _megabytes(sum(one.size_bytes for one in each))) for name, each in found.items()]
    everything = sorted(((one, name) for name, each in found.items() for one in each), key=lambda row: -row[0].size_bytes)
    rows = [(one.name, one.version, _megabytes(one.size_bytes), one.licence, name) for one, name in everything]
    return PAGE.format(
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.machine()}",
        limit=LIMIT_BYTES / 1e6,
        sets=_table(("what", "packages", "MB"), "l r r", sets),
        packages=_table(("package", "version", "MB", "licence", "for"), "l l r l l", rows),
    )


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f}"


def _table(head: Sequence[str], sides: str, rows: Sequence[Sequence[str]]) -> str:
    rule = ["---:" if side == "r" else "---" for side in sides.split()]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
