"""The shim: one process for all pods of a root directory. Standard library only, no threads, no other hyperpy rooms."""
