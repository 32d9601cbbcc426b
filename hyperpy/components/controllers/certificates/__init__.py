"""Certificate requests, ServiceAccounts and tokens."""
