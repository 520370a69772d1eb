"""A newsletter without a store: drafts need none."""

from pathlib import Path

from newsletter.project import Project

SETTINGS = """\
[newsletter]
name = "Valley"
language = "en"
timezone = "Asia/Tokyo"
from = "Valley <news@example.com>"
base_url = "https://news.example.com"
postal_address = "Valley, 1 Street"
"""


def project_in(folder: Path) -> Project:
    (folder / "newsletter.toml").write_text(SETTINGS, "utf-8")
    (folder / "issues").mkdir()
    return Project.open(folder)
