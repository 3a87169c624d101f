"""Speed beside a peer, on the same machine and in the same run; ``make bench`` prints it."""
