"""Namespaces, quotas, budgets, garbage, and other loops over objects of every kind."""
