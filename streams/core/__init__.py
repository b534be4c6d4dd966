"""The pure core: what the events known say on a day. Standard library only, no clock, no randomness, no I/O."""
