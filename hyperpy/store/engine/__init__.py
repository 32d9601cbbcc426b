"""The watch-store itself: evaluates, queues, publishes. Its log and archive are handed in."""
