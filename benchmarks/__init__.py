"""Measurements of quotastream beside peers, on one workload."""
