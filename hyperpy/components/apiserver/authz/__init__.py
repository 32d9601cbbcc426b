"""Who may do what: the authorizer and RBAC."""
