"""Findings on the digest and on the final email: one rule, one function."""
