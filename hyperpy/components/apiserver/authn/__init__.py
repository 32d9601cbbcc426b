"""Who asks: client certificates, tokens, front proxies, impersonation."""
