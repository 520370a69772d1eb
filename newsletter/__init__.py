"""A newsletter as a folder in git. Read newsletter/model first: it holds the words."""

__version__ = "0.1.0"
