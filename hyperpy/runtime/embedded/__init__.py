"""The daemonless runtime: one resident single-threaded shim process per node."""
