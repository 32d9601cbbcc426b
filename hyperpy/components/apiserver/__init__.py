"""The API server: authentication, authorization, admission, registry, response."""
