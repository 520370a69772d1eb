"""What a process of the tests works out once, where each command or each test would do it anew.

It is the same each time, and takes longer than most of what a test does with it. Each holds until
its block ends: for a run of the tests, or for the life of the server that forks their commands.
"""

import types
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import jinja2
import sqlalchemy as sa
from botocore.hooks import EventAliaser
from botocore.loaders import JSONFileLoader, Loader
from sqlalchemy.util import LRUCache


@contextmanager
def compiled_templates() -> Iterator[None]:
    """Compile each text of a template once: every project compiles its theme anew."""
    compile_anew = jinja2.Environment.compile
    codes: dict[tuple[object, ...], types.CodeType] = {}

    def compile_once(
        environment: jinja2.Environment,
        source: str,
        name: str | None = None,
        filename: str | None = None,
    ) -> types.CodeType:
        key = (type(environment), source, name, filename)
        if key not in codes:
            codes[key] = compile_anew(environment, source, name, filename)
        return codes[key]

    with mock.patch.object(jinja2.Environment, "compile", compile_once):
        yield


class _Statements(LRUCache[Any, Any]):
    """Compiled statements, whichever dialect of one database they were compiled for."""

    def get(self, key: Any, default: Any = None) -> Any:
        _, *statement = key
        return super().get(tuple(statement), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        _, *statement = key
        super().__setitem__(tuple(statement), compiled)


@contextmanager
def compiled_statements() -> Iterator[None]:
    """Compile each statement once for either database: every store would compile all anew."""
    caches = {"sqlite": _Statements(2_000), "postgresql": _Statements(2_000)}

    def share(connection: sa.Connection) -> None:
        connection.execution_options(compiled_cache=caches[connection.dialect.name])

    sa.event.listen(sa.Engine, "engine_connect", share)
    yield
    sa.event.remove(sa.Engine, "engine_connect", share)


@contextmanager
def models_of_aws() -> Iterator[None]:
    """Read each file that describes a service of AWS once, list their folders once, and look up
    the name of each event once: every session of boto3 does so anew, which is most of what it takes
    to make a client."""
    load_anew, list_anew = JSONFileLoader.load_file, Loader.list_available_services
    name_anew: Callable[[EventAliaser, str], str] = vars(EventAliaser)["_alias_event_name"]
    models: dict[str, object] = {}
    services: dict[tuple[str, ...], object] = {}
    names: dict[str, str] = {}

    def load_once(loader: JSONFileLoader, path: str) -> object:
        if path not in models:
            models[path] = load_anew(loader, path)
        return models[path]

    def list_once(loader: Loader, type_name: str) -> object:
        key = (type_name, *loader.search_paths)
        if key not in services:
            services[key] = list_anew(loader, type_name)
        return services[key]

    def name_once(aliaser: EventAliaser, event_name: str) -> str:
        if event_name not in names:
            names[event_name] = name_anew(aliaser, event_name)
        return names[event_name]

    with (
        mock.patch.object(JSONFileLoader, "load_file", load_once),
        mock.patch.object(Loader, "list_available_services", list_once),
        mock.patch.object(EventAliaser, "_alias_event_name", name_once),
    ):
        yield


def everything() -> ExitStack:
    """All of it, until the stack is closed."""
    with ExitStack() as stack:
        for each in (compiled_templates, compiled_statements, models_of_aws):
            stack.enter_context(each())
        return stack.pop_all()
