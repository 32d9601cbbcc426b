"""The control loops: one file each, a pure planner and one reconcile."""
