"""Write jars.lock anew: `python -m streams.devkafka.relock [VERSION]`, after which the tests decide.

Only this reads POMs. What a broker needs at run time is what jgo finds below Kafka's own artifact, and the binding
by which Kafka's log lines reach log4j: Kafka ships it in its archive but does not name it in its POM.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from jgo.maven import MavenContext, PythonResolver

from streams.devkafka.jars import KAFKA, LOCK, kafka_version, sha256_of

LOG4J = "org.apache.logging.log4j:log4j-core"
BINDING = "org.apache.logging.log4j:log4j-slf4j-impl"
HEADER = """\
# The jars of the embedded broker: sha256, size in bytes, group:artifact:version.
# Written by python -m streams.devkafka.relock; checked at every start.
"""


def lock_lines(version: str, folder: Path) -> list[str]:
    """Resolve and fetch everything into a folder; return the lock's lines, Kafka's own jar first."""
    context = MavenContext(resolver=PythonResolver(), repo_cache=folder, timeout=60)

    def closure(coordinate: str) -> list[str]:
        inputs, below = context.resolver.resolve([context.create_dependency(f"{coordinate}:compile")])
        wanted = [*inputs, *(found for found in below if found.scope in {"compile", "runtime"})]
        return [f"{found.groupId}:{found.artifactId}:{found.version}" for found in wanted]

    coordinates = closure(f"{KAFKA}:{version}")
    log4j_version = next(name for name in coordinates if name.startswith(LOG4J + ":")).rsplit(":", 1)[1]
    coordinates.append(f"{BINDING}:{log4j_version}")
    lines = []
    for coordinate in [coordinates[0], *sorted(set(coordinates[1:]))]:
        group, artifact, number = coordinate.split(":")
        path = context.project(group, artifact).at_version(number).artifact().resolve()
        lines.append(f"{sha256_of(path)} {path.stat().st_size:>8} {coordinate}")
    return lines


def main() -> None:
    """Write the lock of the version named, or of the one that the lock has now."""
    version = sys.argv[1] if len(sys.argv) > 1 else kafka_version()
    with tempfile.TemporaryDirectory() as folder:  # a cache of its own: a lock must not bless what some cache holds
        lines = lock_lines(version, Path(folder))
    LOCK.write_text(HEADER + "".join(line + "\n" for line in lines), encoding="utf-8")
    sys.stdout.write(f"{LOCK.name}: {len(lines)} jars of Kafka {version}\n")


if __name__ == "__main__":
    main()
