"""The newsletter of the tests of the command line."""

from tests.integration.conftest import call, new_project, project

__all__ = ["call", "new_project", "project"]
