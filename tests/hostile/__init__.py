"""Every command in every surrounding in which people really run such programs.

`campaign` plays them, `commands` and `surroundings` are the two tables, `judge` says what must
never be.
"""
