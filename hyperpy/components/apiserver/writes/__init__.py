"""Creating, changing and deleting objects: from a decoded body to one conditional write."""
