"""Audits what the lock files pin: `make audit`.

Every requirement has to be pinned with hashes, and pip-audit asks for known vulnerabilities of each. A finding fails;
a service that can't be reached is said plainly, and does not: nothing is known then, of which to fail would say no
more. `--strict` fails on that too. The embedded broker's jars (streams/devkafka/jars.lock) are pinned with hashes as
well, but in no list that pip-audit knows.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

LOCKS = [Path(__file__).with_name(name) for name in ("run.lock", "dev.lock")]
REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9][\w.-]*)(?P<rest>[^#\\]*)", re.MULTILINE)


class Audit(NamedTuple):
    """What became of a lock file: how many are without findings, who has some, and who wasn't looked up."""

    clean: int
    findings: list[str]
    unknown: list[str]


def unpinned(text: str) -> list[str]:
    """Return the requirements of a lock file that lack a version or a hash."""
    entries = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    return [
        match["name"]
        for entry in entries
        if (match := REQUIREMENT.match(entry)) and not ("==" in match["rest"] and "--hash=sha256:" in entry)
    ]


def sort_out(report: dict[str, Any]) -> Audit:
    """Return what pip-audit's JSON says."""
    clean, findings, unknown = 0, [], []
    for dependency in report["dependencies"]:
        if "skip_reason" in dependency:
            unknown.append(dependency["name"])
        elif dependency["vulns"]:
            findings += [
                f"{dependency['name']} {dependency['version']}: {found['id']} "
                f"(mended in {', '.join(found['fix_versions']) or 'none yet'})"
                for found in dependency["vulns"]
            ]
        else:
            clean += 1
    return Audit(clean, findings, unknown)


def audit(lock: Path) -> Audit | None:
    """Ask for the vulnerabilities of everything in a lock file; None where nobody answers."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    done = subprocess.run([*command, "-r", str(lock)], capture_output=True, text=True, check=False)
    try:
        return sort_out(json.loads(done.stdout))
    except ValueError:
        print(f"{lock.name}: pip-audit: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
        return None


def main(arguments: list[str]) -> int:
    """Audit every lock file; return the exit code."""
    failed = unaudited = False
    for lock in LOCKS:
        loose = unpinned(lock.read_text())
        if loose:
            failed = True
            print(f"{lock.name}: not pinned with hashes: {', '.join(loose)}")
        found = audit(lock)
        if found is None or not (found.clean or found.findings):
            unaudited = True
            print(f"{lock.name}: NOT AUDITED: the vulnerability service can't be reached from here")
            continue
        failed = failed or bool(found.findings)
        print(f"{lock.name}: {found.clean} without known vulnerabilities, {len(found.findings)} findings")
        print("".join(f"  {finding}\n" for finding in found.findings), end="")
        if found.unknown:
            unaudited = True
            print(f"  NOT AUDITED, for the service doesn't know them: {', '.join(found.unknown)}")
    return 1 if failed or (unaudited and "--strict" in arguments) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
