"""A bad network cable: carries Ethernet frames between two tap devices, each later, and some never.

`python -m tests.faults.link TAP TAP` makes the devices, writes a line once they are there, and ends with its standard
input; then it writes how many frames it carried and lost. The kernel's own netem would do the same, but many kernels
come without it; tap devices are in nearly all.
"""

from __future__ import annotations

import argparse
import collections
import fcntl
import json
import os
import random
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
FRAME_BYTES = 2048


def tap(name: str) -> int:
    """Make a tap device; return what its frames are read from and written to."""
    handle = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(handle, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return handle


class Link:
    """Two ends, and what is on its way between them."""

    def __init__(self, ends: tuple[int, int], delay_seconds: float, loss: float, seed: int) -> None:
        self._other = {ends[0]: ends[1], ends[1]: ends[0]}
        self._delay_seconds = delay_seconds
        self._loss = loss
        self._dice = random.Random(seed)
        self._on_its_way: collections.deque[tuple[float, int, bytes]] = collections.deque()  # all are as late
        self.carried = self.lost = 0

    def run(self, until: int) -> None:
        """Carry frames until a file ends."""
        while True:
            wait = max(0.0, self._on_its_way[0][0] - time.monotonic()) if self._on_its_way else None
            readable, _, _ = select.select([until, *self._other], [], [], wait)
            if until in readable:
                return
            for end in readable:
                self._take(end)
            self._deliver()

    def _take(self, end: int) -> None:
        due = time.monotonic() + self._delay_seconds
        while True:
            try:
                frame = os.read(end, FRAME_BYTES)
            except OSError:  # nothing more, or the device is down
                return
            if self._dice.random() < self._loss:
                self.lost += 1
            else:
                self._on_its_way.append((due, self._other[end], frame))

    def _deliver(self) -> None:
        now = time.monotonic()
        while self._on_its_way and self._on_its_way[0][0] <= now:
            _, end, frame = self._on_its_way.popleft()
            try:
                os.write(end, frame)
                self.carried += 1
            except OSError:  # the other end is down: the cable is cut
                self.lost += 1


def main() -> None:
    """Be a link."""
    parser = argparse.ArgumentParser()
    parser.add_argument("taps", nargs=2)
    parser.add_argument("--delay-seconds", type=float, required=True)
    parser.add_argument("--loss", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    given = parser.parse_args()
    link = Link((tap(given.taps[0]), tap(given.taps[1])), given.delay_seconds, given.loss, given.seed)
    print("made", flush=True)
    link.run(sys.stdin.fileno())
    print(json.dumps({"carried": link.carried, "lost": link.lost}), flush=True)


if __name__ == "__main__":
    main()
