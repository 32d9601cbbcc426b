"""What a request says: the form it wants, its body, its patch, its options."""
