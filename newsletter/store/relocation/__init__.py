"""Moving the whole store to another database.

closing      the source takes no writes from the beginning of its copy
relocations  what source and target remember of the move
rows         rows of any table, as either database reads and writes them
copying      table by table, and on from where a copy was killed
comparing    counts and checksums of both
"""
