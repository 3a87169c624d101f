"""Docker repositories on Polly, in a notebook."""
