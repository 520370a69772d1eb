"""A long life: all processes of a newsletter at once, under steady load and with faults.

`campaign` plays it, `parts` are the processes, `load` and `readers` what they get to do, `faults`
what goes wrong meanwhile; `meter` measures, `judge` says what must not grow, `witness` what must
not be lost.
"""
