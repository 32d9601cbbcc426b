"""The resource verbs, one file each."""
