"""Workers on many machines, woken by the jobs of Procrastinate; on PostgreSQL, with the extra
`cluster`.

starting  a worker that fits its store
checking  whether it does
run       a worker: one send at a time, with the chores beside it, until it is asked to stop
apps      which tasks there are, and on which queue
tending   what keeps the jobs complete: missing ones are made, those of dead workers removed
health    what supervisors are told, also of a worker on SQLite
chores    what one worker at a time does now and then

Jobs only wake. Who is still to be mailed is in the ledger, and leases do the rescue: losing every
job costs seconds.
"""
