"""Sigma rules, one file each, found by looking."""
