"""References to images, in Docker's grammar (placeholder; being written)."""
