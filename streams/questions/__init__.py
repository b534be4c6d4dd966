"""PURE: the questions that people ask of everything known; standard library and streams.core only."""
