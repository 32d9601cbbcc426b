"""Admission that objects of the cluster configure: webhooks and policies."""
