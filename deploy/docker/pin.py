"""Names the images that are built on and run by digest: `make pin DIGESTS=FILE`.

FILE has a line for each image: `python:3.11-slim-bookworm sha256:...`. Digests are in a registry of images; where one
can be asked,

    for image in $(python deploy/docker/pin.py --list); do
        echo "$image $(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' $image)"
    done > digests

makes the file. The version stays beside the digest, so that people see what it is; run again, with other digests, it
puts them in the place of the old ones.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = ("deploy/docker/Dockerfile", "docker-compose.yml")
#: Where an image of others is named: the Dockerfile's two, and compose's services but those that are built here.
NAMED = re.compile(
    r"^(?P<before>ARG (?:BUILDER|BASE)=|\s+image: )(?P<image>[\w./-]+:[\w.-]+)(?P<digest>@sha256:[0-9a-f]+)?$",
    re.MULTILINE,
)
LINE = re.compile(r"(?P<image>\S+)\s+(?P<digest>sha256:[0-9a-f]{64})")


class PinError(Exception):
    """An image can't be pinned; the text is one line."""


def images(root: Path = ROOT) -> list[str]:
    """Return the images that are named, each once, by version."""
    found = [match["image"] for file in FILES for match in NAMED.finditer((root / file).read_text())]
    return list(dict.fromkeys(found))


def read(text: str) -> dict[str, str]:
    """Return the digest of each image in a file of them; PinError where a line is none."""
    digests: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        match = LINE.fullmatch(line)
        if match is None:
            raise PinError(f"not an image and its digest: {line}")
        if digests.setdefault(match["image"], match["digest"]) != match["digest"]:
            raise PinError(f"two digests for {match['image']}")
    return digests


def pin(digests: dict[str, str], root: Path = ROOT) -> None:
    """Write the digests into the files; PinError, and nothing written, unless they are those of the images there."""
    wanted = set(images(root))
    for what, which in (("no digest for", wanted - set(digests)), ("not used here", set(digests) - wanted)):
        if which:
            raise PinError(f"{what}: {', '.join(sorted(which))}")
    for file in FILES:
        path = root / file
        path.write_text(NAMED.sub(lambda m: f"{m['before']}{m['image']}@{digests[m['image']]}", path.read_text()))


def main() -> int:
    """Pin, or list what there is to pin."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("digests", type=Path, nargs="?", metavar="FILE")
    parser.add_argument("--list", action="store_true", help="write the images, one a line")
    given = parser.parse_args()
    if given.list:
        sys.stdout.write("".join(f"{image}\n" for image in images()))
        return 0
    if given.digests is None:
        parser.error("give a file of digests, or --list")
    try:
        pin(read(given.digests.read_text()))
    except PinError as error:
        sys.stderr.write(f"pin: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
