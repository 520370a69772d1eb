"""Who runs this."""

import getpass
import os
import socket

from newsletter import git
from newsletter.model.approval import Editor
from newsletter.project import Project


def operator(project: Project) -> Editor:
    """Who runs this: as git names them here, else as the system does."""
    return git.me(project.root) or Editor(account(), "")


def account() -> str:
    """Who runs this as the system names them: the user, or its number where it has no name, as in
    containers, and the machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # the last one on Windows, where nothing names it
        user = str(os.getuid()) if hasattr(os, "getuid") else "somebody"
    return f"{user}@{socket.gethostname()}"
