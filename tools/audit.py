"""Whether the pinned requirements have known vulnerabilities: `make audit`.

python tools/audit.py [pypi | osv]

Exit code 0: every package was looked up, none has an advisory. 1: some have. 2: some could not be looked up, so nothing is
known of them; pip-audit itself would end with 0, as if they had none.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
TIMEOUT_S = 15


@dataclass(frozen=True)
class Found:
    """What the advisories say of one file of requirements."""

    packages: int
    advisories: tuple[str, ...]
    not_looked_up: tuple[str, ...]
    reason: str

    @property
    def exit_code(self) -> int:
        """1 of an advisory, else 2 of a package that nothing is known of."""
        return 1 if self.advisories else 2 if self.not_looked_up or not self.packages else 0

    def __str__(self) -> str:
        known = self.packages - len(self.not_looked_up)
        said = f"{known} of {self.packages} packages looked up, {len(self.advisories)} advisories"
        return f"{said}; of the others nothing is known ({self.reason})" if self.reason else said


def audit(requirements: Path, service: str) -> Found:
    """Ask the service by pip-audit."""
    options = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--timeout", str(TIMEOUT_S)]
    command = [sys.executable, "-m", "pip_audit", *options, "-s", service, "-f", "json", "-r", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  (our own files)
    return read(done.stdout, done.stderr)


def read(out: str, err: str) -> Found:
    """What pip-audit answered."""
    try:
        packages = json.loads(out)["dependencies"]
    except json.JSONDecodeError:  # it ends in a traceback where it reaches nobody
        return Found(0, (), (), (err.strip().splitlines() or ["no answer"])[-1])
    skipped = [each for each in packages if "skip_reason" in each]
    known = [f"{each['name']} {each['version']}: {one['id']}" for each in packages for one in each.get("vulns", ())]
    return Found(
        packages=len(packages),
        advisories=tuple(known),
        not_looked_up=tuple(each["name"] for each in skipped),
        reason=skipped[0]["skip_reason"] if skipped else "",
    )


def main(service: str) -> int:
    """Every file of requirements, a line each; the advisories below."""
    found = {path: audit(path, service) for path in sorted(ROOT.glob("requirements/*.txt"))}
    for path, each in found.items():
        print(f"{path.relative_to(ROOT)}: {each}")  # noqa: T201
    for line in sorted({line for each in found.values() for line in each.advisories}):
        print(line)  # noqa: T201
    codes = {each.exit_code for each in found.values()}
    return 1 if 1 in codes else max(codes)


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or ["pypi"])))
