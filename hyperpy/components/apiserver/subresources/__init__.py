"""Subresources that are not plain reads and writes of the object: scale, binding, eviction, finalize."""
