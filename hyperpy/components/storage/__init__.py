"""The store command: backup, restore, check and compaction of the file that holds the objects."""
