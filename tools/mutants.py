"""Mutation testing of the physics with mutmut: `make mutants` writes docs/mutants.md.

python tools/mutants.py out/mutants tools/survivors.csv docs/mutants.md [share of the mutants]

mutmut changes one operator, number, argument or name of a function at a time and asks the tests in tests/physics; a mutant
that they let pass has survived. Of each file a share of its mutants is drawn by a fixed seed. A copy of the tree under
out/mutants is tested, in which decorators stand after their functions (`f = property(f)`): mutmut leaves out what is
decorated. Asked again, only mutants that survived and those of functions that changed are tested anew.
"""

from __future__ import annotations

import ast
import contextlib
import csv
import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from mutant_tests import EXAMPLES, SECONDS

ROOT = Path(__file__).parents[1]
MUTATED = "src/fleetline/physics"
SEED = "fleetline"
SHARE = 0.05  # of the mutants
AT_LEAST = 5  # of each file
LEFT_OUT = (  # minutes
    "test_every_deployment_keeps_the_law",
    "test_formulas_agree_with_requests_served_one_by_one",
    "test_many_points_are_told_what_few_are",
    "test_what_one_array_does_not_lead_to_is_told_of_many_points_too",
)

CONFIG = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = ["{mutated}/*"]
also_copy = ["tools"]
pytest_add_cli_args = ["-p", "mutant_tests", "-p", "no:cacheprovider", "-k", "{chosen}"]
pytest_add_cli_args_test_selection = ["tests/physics"]
process_isolation = "forkserver"
track_dependencies = false
use_git_change_detection = false
"""


def undecorated(source: str) -> str:
    """The same module with every decorator of a function called after it: `@d def f` is `def f` and `f = d(f)`."""
    lines = source.split("\n")
    for function in reversed(list(_decorated(ast.parse(source).body))):
        indent = " " * function.col_offset
        for decorator in function.decorator_list:
            lines[function.end_lineno or 0 : function.end_lineno or 0] = [
                f"{indent}{function.name} = {ast.unparse(decorator)}({function.name})"
            ]
            lines[decorator.lineno - 1] = ""
    return "\n".join(lines)


def _decorated(body: Sequence[ast.stmt]) -> Iterator[ast.FunctionDef]:
    """Functions and methods with decorators, in order."""
    for each in body:
        if isinstance(each, ast.ClassDef):
            yield from _decorated(each.body)
        elif isinstance(each, ast.FunctionDef) and each.decorator_list:
            yield each


def prepare(tree: Path) -> None:
    """Copy the tree, undecorated; a file that has not changed is left alone, so that its mutants are."""
    for folder in ("src", "tests", "tools"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                text = path.read_bytes()
                if path.is_relative_to(ROOT / MUTATED) and path.suffix == ".py":
                    text = undecorated(text.decode()).encode()
                _renew(tree / path.relative_to(ROOT), text)
    chosen = " and ".join(f"not {name}" for name in LEFT_OUT)
    config = CONFIG.format(mutated=MUTATED, chosen=chosen)
    _renew(tree / "pyproject.toml", ((ROOT / "pyproject.toml").read_text() + config).encode())


def _renew(path: Path, text: bytes) -> None:
    if not path.exists() or path.read_bytes() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)


def generate(tree: Path) -> None:
    """All mutants of all files, side by side with the functions they are of."""
    with contextlib.chdir(tree):  # where mutmut finds its configuration as it is imported
        from mutmut.__main__ import create_mutants  # noqa: PLC0415
        from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir  # noqa: PLC0415

        (tree / "mutants").mkdir(exist_ok=True)
        copy_src_dir()
        copy_also_copy_files()
        create_mutants(1)


SKIPPED, SURVIVED, NO_TESTS, TIMEOUTS = 34, 0, 33, frozenset({36, -24, 24, 152, 255})  # as mutmut counts


def records(tree: Path) -> dict[str, Path]:
    """What mutmut knows of the mutants of each file."""
    folder = tree / "mutants" / MUTATED
    return {path.relative_to(folder).as_posix().removesuffix(".meta"): path for path in sorted(folder.rglob("*.meta"))}


def choose(tree: Path, share: float) -> None:
    """Draw the mutants to test of each file, and have those tested again that survived."""
    for name, path in records(tree).items():
        record = json.loads(path.read_text())
        codes: dict[str, int | None] = record["exit_code_by_key"]
        shuffled = sorted(codes)
        random.Random(f"{SEED} {name}").shuffle(shuffled)  # noqa: S311  (no secret)
        drawn = set(shuffled[: max(AT_LEAST, round(share * len(codes)))])  # so that a larger share has the same, and more
        for key, code in codes.items():
            again = code in {SKIPPED, SURVIVED, NO_TESTS}
            codes[key] = SKIPPED if key not in drawn else None if again else code
        path.write_text(json.dumps(record, indent=4))


def test(tree: Path) -> None:
    """Ask the tests about every mutant chosen, one after the other."""
    here = {**os.environ, "PYTHONPATH": "tools", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([Path(sys.executable).parent / "mutmut", "run", "--max-children", "1"], cwd=tree, env=here, check=True)  # noqa: S603


@dataclass(frozen=True)
class Survivor:
    """A mutant that the tests let pass: where, what a line was and became, and whether any test reaches it."""

    file: str
    function: str
    was: str
    became: str
    reached: bool

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What it is known by in the table of explanations."""
        return self.file, self.function, self.was, self.became


@dataclass(frozen=True)
class File:
    """What became of a file's mutants: how many there are, and of those tested the killed, the stuck and the survivors."""

    name: str
    mutants: int
    killed: int
    stuck: int
    survivors: tuple[Survivor, ...]

    @property
    def tested(self) -> int:
        """Mutants drawn."""
        return self.killed + self.stuck + len(self.survivors)

    @property
    def share(self) -> float:
        """Killed of those tested, the stuck among them [1]."""
        return 1.0 - len(self.survivors) / self.tested


def found(tree: Path) -> list[File]:
    """What a run has found, file by file."""
    files = []
    for name, path in records(tree).items():
        codes: dict[str, int | None] = json.loads(path.read_text())["exit_code_by_key"]
        tested = {key: code for key, code in codes.items() if code != SKIPPED}
        if not tested:
            continue
        if None in tested.values():
            raise SystemExit(f"{name}: the run has not come to its end")
        alive = {key: code for key, code in tested.items() if code in {SURVIVED, NO_TESTS}}
        stuck = sum(code in TIMEOUTS for code in tested.values())
        survivors = tuple(_survivors(name, path.with_suffix("").read_text(), alive))
        files.append(File(name, len(codes), len(tested) - stuck - len(alive), stuck, survivors))
    return files


def _survivors(file: str, mutated: str, alive: Mapping[str, int | None]) -> Iterator[Survivor]:
    functions = {each.name: each for each in ast.walk(ast.parse(mutated)) if isinstance(each, ast.FunctionDef)}

    def lines(name: str) -> list[str]:
        return [line for each in functions[name].body for line in ast.unparse(each).split("\n")]

    for key, code in alive.items():
        name = key.rpartition(".")[2]
        function = name.partition("__mutmut_")[0]
        old, new = lines(f"{function}__mutmut_orig"), lines(name)
        was, became = list[str](), list[str]()
        for kind, start, end, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if kind != "equal":
                was += old[start:end]
                became += new[first:last]
        called = function.removeprefix("x").replace("ǁ", ".").removeprefix(".").removeprefix("_")
        before, after = (" / ".join(line.strip() for line in text) for text in (was, became))
        yield Survivor(file, called, before, after, code != NO_TESTS)


# Why nothing is missing where a mutant of the group survives.
GROUPS = {
    "words": "The words of a refusal: the tests ask for the field, the kind of error and the words that tell what to do.",
    "equal lengths": "What is walked together is made of the same parts or stages, so `strict` has nothing to refuse.",
    "values that count as the same": "A sum from 0 for 0.0, None for False: what is made of them is equal.",
    "shortcuts": "The condition only spares work: without it the same is computed, or zero added or compared with.",
}


def explained(path: Path) -> dict[tuple[str, str, str, str], str]:
    """The group of every survivor that somebody has looked at and found to be no gap."""
    with path.open(encoding="utf-8", newline="") as file:
        return {(row["file"], row["function"], row["was"], row["became"]): row["group"] for row in csv.DictReader(file)}


def estimate(files: Sequence[File]) -> tuple[float, float]:
    """Killed of all mutants, from the draws of each file, and half the width of its 95% interval [1]."""
    every = sum(each.mutants for each in files)
    value = sum(each.mutants / every * each.share for each in files)
    alive = sum(len(each.survivors) for each in files) / sum(each.tested for each in files)
    # of every file as of all: one with few draws and no survivor is not known to have none
    variance = sum(
        (each.mutants / every) ** 2 * (1.0 - each.tested / each.mutants) * alive * (1.0 - alive) / each.tested
        for each in files
    )
    return value, 1.96 * math.sqrt(variance)


HEAD = """# Mutation testing

Made by `make mutants`; do not edit. [mutmut](https://mutmut.readthedocs.io) changes one operator, number, argument or
condition of the physics (`src/fleetline/physics`) at a time. A change that no test notices *survives*: a test is missing,
or the change makes no difference that can be seen. Of {mutants:,} mutants {tested:,} were drawn, of each file by a fixed
seed.

**{killed} of {tested} are killed: {share:.1%}**, {stuck} of them by never coming to an end. For all {mutants:,}, each file
weighed by its mutants, that makes {value:.1%} (95% interval {low:.1%} to {high:.1%}). {alive} survive, of which {why} are
explained below. Tests have been written since for survivors of this very draw, so that what it says of
all flatters: another seed (`SEED` in `tools/mutants.py`) draws others.

Asked are the tests in `tests/physics`, the quickest of those that reach the function first, for {seconds:g} seconds of
processor time a mutant, with {examples} examples of a property; those that take minutes ({left}) are not. The other tests
can only kill more. What stands outside of functions (tables, defaults of fields) is not mutated.

| file | mutants | tested | killed | stuck | survived | explained | killed, % |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""


def page(files: Sequence[File], groups: Mapping[tuple[str, str, str, str], str]) -> str:
    """The page."""
    survivors = [one for each in files for one in each.survivors]
    known = [one for one in survivors if one.key in groups]
    tested, stuck = sum(each.tested for each in files), sum(each.stuck for each in files)
    value, half = estimate(files)
    text = HEAD.format(
        mutants=sum(each.mutants for each in files),
        tested=tested,
        killed=tested - len(survivors),
        share=1.0 - len(survivors) / tested,
        stuck=stuck,
        value=value,
        low=value - half,
        high=value + half,
        alive=len(survivors),
        why=len(known),
        gaps=len(survivors) - len(known),
        seconds=SECONDS,
        examples=EXAMPLES,
        left=", ".join(f"`{name}`" for name in LEFT_OUT),
    )
    for each in files:
        why = sum(one.key in groups for one in each.survivors)
        numbers = (each.mutants, each.tested, each.killed, each.stuck, len(each.survivors), why)
        text += f"| `{each.name}` | {' | '.join(map(str, numbers))} | {100.0 * each.share:.0f} |\n"
    for group, reason in GROUPS.items():
        mine = [one for one in known if groups[one.key] == group]
        if mine:
            text += f"\n## {group.capitalize()}: {len(mine)}\n\n{reason}\n\n{_listed(mine)}"
    left = [one for one in survivors if one.key not in groups]
    if left:
        text += f"\n## Not explained: {len(left)}\n\nA test that would tell is missing.\n\n{_listed(left)}"
    return text


def _listed(survivors: Iterable[Survivor]) -> str:
    rows = (f"| `{one.file}` | `{one.function}` | {_code(one.was)} | {_code(one.became)} |\n" for one in survivors)
    return "| file | function | was | became |\n| --- | --- | --- | --- |\n" + "".join(rows)


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text else ""


def main(tree: Path, table: Path, to: Path, share: float) -> None:
    """Prepare, choose, test, tell."""
    prepare(tree)
    generate(tree)
    choose(tree, share)
    test(tree)
    to.write_text(page(found(tree), explained(table)), encoding="utf-8")


if __name__ == "__main__":
    folder, known, written = (Path(each).absolute() for each in sys.argv[1:4])
    main(folder, known, written, float(sys.argv[4]) if len(sys.argv) > 4 else SHARE)
