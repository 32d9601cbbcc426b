"""Scheduling plugins, one file each, and the default profile."""
