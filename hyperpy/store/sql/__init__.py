"""Where the engine's log is kept in a SQL database."""
