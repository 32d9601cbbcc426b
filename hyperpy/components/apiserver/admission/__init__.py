"""Admission: small plugins that may fill in, change or refuse an object before it is written."""
