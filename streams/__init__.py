"""quotastream: the live account of groups whose yearly earnings targets are set, and changed, from outside."""
