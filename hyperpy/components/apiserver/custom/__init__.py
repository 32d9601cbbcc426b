"""Custom kinds at run time: definitions followed, their status kept, their objects removed with them, converted."""
