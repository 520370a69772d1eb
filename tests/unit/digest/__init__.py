"""The digest package: an issue file becomes a typed tree that loses nothing."""
