"""The dock widget "Segment & track": what is seen of it."""
