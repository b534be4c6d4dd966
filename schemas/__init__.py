"""The wire: pydantic models of every message. Knows nothing of `streams`."""
