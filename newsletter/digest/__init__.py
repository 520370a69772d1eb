"""Issue file -> Digest: front matter, blocks, sanitising; faults carry file:line."""
