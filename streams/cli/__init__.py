"""The command `quotastream`: one file a command."""
