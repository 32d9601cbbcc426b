"""A cluster for tests: embeds hyperpy in a Python program."""
