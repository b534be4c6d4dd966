from typing import TypeAlias

# Groups, purses; then columns: rows, ids, digests, days, amounts, group, purse.
Found: TypeAlias = tuple[
    list[str],
    list[tuple[str, str | None]],
    bytearray,
    bytearray,
    bytearray,
    bytearray,
    bytearray,
    bytearray,
    bytearray,
]

def decode(values: list[bytes | None] | list[bytes], spans: object, decimals: bytes, largest: int) -> Found: ...
def spans(records: bytes, count: int, offset: int, timestamp: int) -> bytearray | None: ...
