"""What a command or a view does, composed of the services below it; it parses and prints nothing.

worker   a Worker of a project, with what it does between its batches
propose  what `send` shows before it asks, and the send that follows
content  checks of the content of a send before it is sealed
attend   what `newsletter worker` does, round after round
resume   going on with sends that rest
rehearsal  a small real send to the provider's simulator, and whether all comes back
replace  another time or other content for a send that has not begun
restoring  a backup in the place of the store
carrying  what happened since a backup, from the store that it replaces
records  one JSON shape for each noun: that of every --json and of every view
keys     the keyed hashes by which erased people are known
"""
