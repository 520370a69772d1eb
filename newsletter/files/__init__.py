"""Files that are whole or not there, and locks that are not waited for in silence.

Each file of newsletter is written here: beside its place, all of it, flushed to the disk, and only
then put under its name, so that a crash leaves either all of it or nothing. Only a regular file is
ever replaced. A place that a person named is written with `follows`, as a shell would: a link is
followed, a pipe or a device is written into, and a file keeps its mode. Elsewhere another user
could have put a link to any file of ours, so none is followed. What holds people's data is
`private`: for its owner alone, whatever the umask says.
"""

from newsletter.files.folders import made_whole, make_folder, put_folder
from newsletter.files.locks import folder_lock
from newsletter.files.parts import (
    clear_parts,
    filled,
    held_part,
    make_private,
    part_of,
    remove_abandoned,
)
from newsletter.files.places import (
    in_the_way,
    leads_out,
    open_ordinary,
    read_ordinary,
    refuse_unlike_a_file,
    target_of,
    version_of,
)
from newsletter.files.writing import (
    being_written,
    put_in_free_place,
    put_in_place,
    write_new,
    write_together,
    write_whole,
)

__all__ = [
    "being_written",
    "clear_parts",
    "filled",
    "folder_lock",
    "held_part",
    "in_the_way",
    "leads_out",
    "made_whole",
    "make_folder",
    "make_private",
    "open_ordinary",
    "part_of",
    "put_folder",
    "put_in_free_place",
    "put_in_place",
    "read_ordinary",
    "refuse_unlike_a_file",
    "remove_abandoned",
    "target_of",
    "version_of",
    "write_new",
    "write_together",
    "write_whole",
]
