"""Suppressions as files: there and back, and what other systems call them."""

import io
from pathlib import Path

import pytest

from newsletter.audience.importing import ImportResult
from newsletter.audience.suppressing import export_suppressions, import_suppressions
from newsletter.errors import UsageError
from newsletter.model.subscriber import SuppressionReason
from newsletter.store import Store
from newsletter.store.people import imports, suppressing, suppressions
from tests.factories import LATER, NOW, erased_hash, import_text


def bring(store: Store, folder: Path, text: str) -> ImportResult:
    path = folder / "never.csv"
    path.write_text(text, "utf-8")
    return import_suppressions(store, path, SuppressionReason.MANUAL, now=LATER, hashes=erased_hash)


def standing(store: Store) -> dict[str, tuple[str, str]]:
    with store.read() as connection:
        return {
            each.address: (each.reason.value, each.source)
            for each in suppressions.newest_first(connection)
        }


def test_what_was_exported_comes_back_the_same(store: Store, tmp_path: Path) -> None:
    """Hashes of erased people too; in the store that it came from it changes nothing."""
    with store.write() as connection:
        for number, reason in enumerate(SuppressionReason):
            key = "ab" * 32 if reason is SuppressionReason.ERASED else f"=u{number}@example.com"
            suppressing.add(connection, key, reason, f"@source;{number}", NOW)
    before = standing(store)
    out = io.StringIO()
    count = export_suppressions(store, out)

    again = bring(store, tmp_path, out.getvalue())
    with store.write() as connection:
        for key in before:
            suppressing.allow(connection, key, "test", NOW)
    back = bring(store, tmp_path, out.getvalue())

    assert count == len(SuppressionReason)
    assert '"\'=u0@example.com","hard_bounce","\'@source;0"' in out.getvalue()
    assert (again.unchanged, back.suppressed) == (count, count)
    assert standing(store) == before
    with store.read() as connection:
        assert {each.created_at for each in suppressions.newest_first(connection)} == {NOW}


def test_odd_words_of_a_mail_server_keep_no_address_out(store: Store, tmp_path: Path) -> None:
    """They are the source of a suppression that a report caused."""
    words = "Bounce 5.1.1 \x1b[31mno\tway\u202e \x85, send 1"
    with store.write() as connection:
        suppressing.add(connection, "x@example.com", SuppressionReason.COMPLAINT, words, NOW)
    out = io.StringIO()
    export_suppressions(store, out)
    with store.write() as connection:
        suppressing.allow(connection, "x@example.com", "test", NOW)

    result = bring(store, tmp_path, out.getvalue())

    assert (result.suppressed, result.rejected) == (1, 0)
    assert standing(store) == {
        "x@example.com": ("complaint", "Bounce 5.1.1  [31mno way   , send 1")
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("EmailAddress,Reason,LastUpdateTime\nx@example.com,BOUNCE,2024-01-01\n", "hard_bounce"),
        ("email,reason\nx@example.com,Spam complaint\n", "complaint"),
        ("Address\nX@example.com\n", "manual"),
        ("x@example.com\n", "manual"),
        ("email,reason\nx@example.com,\n", "manual"),
    ],
)
def test_lists_of_other_systems_are_read(
    sqlite_store: Store, tmp_path: Path, text: str, reason: str
) -> None:
    result = bring(sqlite_store, tmp_path, text)

    assert result.suppressed == 1
    assert {key: each[0] for key, each in standing(sqlite_store).items()} == {
        "x@example.com": reason
    }


def test_a_reason_that_is_not_known_refuses_the_file(sqlite_store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="weather"):
        bring(sqlite_store, tmp_path, "email,reason\na@example.com,bounce\nb@example.com,weather\n")

    assert standing(sqlite_store) == {}


def test_no_import_brings_a_suppressed_address_and_undoing_frees_it(
    store: Store, tmp_path: Path
) -> None:
    result = bring(store, tmp_path, "x@example.com\nnot an address\n")
    assert (result.suppressed, result.rejected) == (1, 1)
    assert result.import_id is not None
    assert import_text(store, tmp_path, "email\nx@example.com\n").skipped == 1

    with store.write() as connection:
        imports.undo(connection, result.import_id, LATER)

    assert import_text(store, tmp_path, "email\nx@example.com\n").added == 1
