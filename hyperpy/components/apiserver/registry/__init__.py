"""Objects in the store: keys, stored form, reads and conditional writes, pages, the per-kind feed of changes."""
