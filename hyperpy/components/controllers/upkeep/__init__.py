"""What the loops share: whose an object is, what was written and not yet seen, Pods made and deleted, revisions."""
