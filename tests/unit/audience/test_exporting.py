"""Export, and the way back."""

import csv
import io
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.audience.cells import attribute_fault, name_fault, one_line
from newsletter.audience.exporting import export
from newsletter.errors import UsageError
from newsletter.store import Store, open_store, people
from tests.factories import address, import_text, join, make_list

cells = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufffd")
    | st.sampled_from("'=+-@;,\"\t"),
    max_size=20,
).map(lambda text: one_line(text).strip())


def exported(store: Store, *, list_name: str | None = None, raw: bool = False) -> str:
    out = io.StringIO()
    export(store, out, list_name=list_name, raw=raw)
    return out.getvalue()


def test_an_export_has_one_row_for_each_subscription(store: Store) -> None:
    for name in ("ai", "web"):
        make_list(store, name)
    join(store, name="Ann", attributes={"city": "Paris"})
    join(store, list_name="web")
    join(store, "user2@example.com", attributes={"team": "x", "status": "active"})

    assert exported(store).splitlines() == [
        "email,name,list,status,city,attribute:status,team",
        "user2@example.com,,ai,confirmed,,active,x",
        "user1@example.com,Ann,ai,confirmed,Paris,,",
        "user1@example.com,Ann,web,confirmed,Paris,,",
    ]
    assert exported(store, list_name="web").splitlines() == [
        "email,name,status,city,attribute:status,team",
        "user1@example.com,Ann,confirmed,Paris,,",
    ]


def test_formulas_are_guarded_unless_raw(sqlite_store: Store) -> None:
    """B17."""
    make_list(sqlite_store)
    join(sqlite_store, "=a@example.com", name="=cmd|'/c calc'!A0")

    assert "'=a@example.com,'=cmd|" in exported(sqlite_store)
    assert "\n=a@example.com,=cmd|" in exported(sqlite_store, raw=True)


def test_an_unknown_list_writes_nothing(sqlite_store: Store) -> None:
    out = io.StringIO()

    with pytest.raises(UsageError):
        export(sqlite_store, out, list_name="nope")

    assert out.getvalue() == ""


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=cells, note=cells, status=cells)
def test_what_was_exported_comes_back_the_same(
    sqlite_template: Path, name: str, note: str, status: str
) -> None:
    """Whatever the cells hold, an import of the export finds nothing to change, and another store
    gets the same people."""
    if name_fault(name) or attribute_fault(note) or status.lower() in ("pending", "unsubscribed"):
        return
    with tempfile.TemporaryDirectory() as folder:
        stores = []
        for file in ("one.db", "two.db"):
            shutil.copy(sqlite_template, Path(folder) / file)
            stores.append(open_store(f"sqlite:///{folder}/{file}", Path()))
        one, two = stores
        make_list(one)
        join(one, "-user1@example.com", name=name, attributes={"note": note, "status": status})

        text = exported(one)
        again = import_text(one, Path(folder), text)
        other = import_text(two, Path(folder), text)

        assert (again.unchanged, again.rejected) == (1, 0)
        assert (other.added, other.rejected) == (1, 0)
        with two.read() as connection:
            found = people.find(connection, address("-user1@example.com"))
        assert found is not None
        assert found.name == name
        expected = {"note": note, "status": status}
        assert found.attributes == {key: value for key, value in expected.items() if value}
        rows = list(csv.reader(io.StringIO(exported(one, raw=True))))
        assert rows[1][1] == name
        one.close()
        two.close()
