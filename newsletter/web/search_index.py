"""The archive by its words: an index in memory, the same whatever the store is.

It is SQLite's FTS5 over words that search_words parts. It holds positions of words and no text.
Each version of an issue is read once, since it is sealed; which of them may be found is asked each
time, so that nothing hidden or replaced is. Being made of the ledger, it needs no place in the
store, no backup, and no move.
"""

import sqlite3
import threading
from collections.abc import Callable, Collection, Sequence

from newsletter.web.published import Version
from newsletter.web.search_words import Wanted, terms
from newsletter.web.searchable import SearchFields

_TABLE = """
CREATE VIRTUAL TABLE words USING fts5(
    title, tags, summary, body, content = '',
    tokenize = "unicode61 remove_diacritics 0 categories 'L* M* N* Co'"
)
"""
# How much a word counts where: in the title, the tags, the summary, the text.
WEIGHTS = (8.0, 6.0, 4.0, 1.0)


class SearchIndex:
    """Raises sqlite3.OperationalError where the SQLite of this Python has no FTS5."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.execute(_TABLE)
        self._rows: dict[Version, int] = {}

    def add(self, version: Version, read: Callable[[], SearchFields]) -> None:
        """Make an issue known, unless it is."""
        with self._lock:
            if version in self._rows:
                return
            fields = read()
            texts = (fields.title, fields.tags, fields.summary, fields.body)
            row = len(self._rows) + 1
            self._database.execute(
                "INSERT INTO words (rowid, title, tags, summary, body) VALUES (?, ?, ?, ?, ?)",
                (row, *(" ".join(terms(text)) for text in texts)),
            )
            self._rows[version] = row

    def find(self, words: Sequence[Wanted], among: Collection[Version]) -> list[Version]:
        """Those that have all words, the best first, of those that were added and may be found."""
        if not words:
            return []
        versions = {self._rows[each]: each for each in among if each in self._rows}
        with self._lock:
            found = self._database.execute(
                "SELECT rowid FROM words WHERE words MATCH ? "
                "ORDER BY bm25(words, ?, ?, ?, ?), rowid DESC",
                (" AND ".join(map(_phrase, words)), *WEIGHTS),
            ).fetchall()
        return [versions[row] for (row,) in found if row in versions]


def _phrase(word: Wanted) -> str:
    """A word in the language of FTS5; its terms hold letters and digits alone."""
    return f'"{" ".join(word.terms)}"{"*" if word.is_prefix else ""}'
