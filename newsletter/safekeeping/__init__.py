"""Copies of the store, kept and brought back.

record  when the last backup was made
"""
