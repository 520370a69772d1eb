"""Segments: saved filters over a list.

segments    a name and a rule
rules       the text of a rule, parsed by the `grammar`
conditions  a rule as a condition in SQL
"""
