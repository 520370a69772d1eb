"""Running a theme's templates: sandboxed, strict, bounded, and with errors that name their line."""

from collections.abc import Callable, Iterator, Mapping, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from newsletter.errors import RenderError
from newsletter.languages import fill
from newsletter.meant import did_you_mean
from newsletter.render.html import NAMES
from newsletter.render.theme import Theme, must_stay_inside

_MAX_CHARACTERS = 4 * 1024 * 1024
_MAX_REPEAT = 100_000
_MAX_STEPS = 1_000_000  # of loops; a real issue takes hundreds, the largest 300,000
_CALL = 3  # steps that a call counts for
_COUNTED = "counted"
# The filters that go over each part of a value.
_GO_OVER = frozenset(
    "batch dictsort groupby join list map max min reject rejectattr reverse select selectattr slice"
    " sort sum unique".split()
)
_BLOCK = ".html.j2"
_NO_MARKUP = (".txt.j2", ".md.j2", ".css")


_Bases = tuple[tuple[str, tuple[Path, ...]], ...]


class _Steps:
    """How often the loops of a rendering may still go round, and its templates call something."""

    def __init__(self) -> None:
        self._left = _MAX_STEPS

    def take(self, number: int) -> None:
        self._left -= number
        if self._left < 0:
            raise SecurityError(f"loops go round more than {_MAX_STEPS:,} times")

    def each(self, parts: Iterator[Any]) -> Iterator[Any]:
        for part in parts:
            self.take(1)
            yield part


# Of the outermost rendering in this thread: the environments are shared by all threads.
_steps: ContextVar[_Steps] = ContextVar("steps")


@contextmanager
def _bounded() -> Iterator[None]:
    """Bound what templates do within, together with the rendering that this one is part of."""
    if _steps.get(None) is not None:
        yield
        return
    token = _steps.set(_Steps())
    try:
        yield
    finally:
        _steps.reset(token)


@jinja2.pass_context  # or it would be applied to constants while a template is compiled
def _counted(context: jinja2.runtime.Context, parts: Any) -> Any:
    """What a loop goes over, once all steps over it are counted."""
    if isinstance(parts, Sized):
        _steps.get().take(len(parts))
        return parts
    return _steps.get().each(iter(parts))


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja2 that refuses to multiply texts without end, and bounds its loops."""

    intercepted_binops = frozenset(["*", "**"])

    def call_binop(
        self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any
    ) -> Any:
        if operator == "**" or _length(left, right) > _MAX_REPEAT:
            raise SecurityError(f"the result of {operator} would be too large")
        return super().call_binop(context, operator, left, right)

    def call(
        self, context: jinja2.runtime.Context, called: Any, /, *arguments: Any, **more: Any
    ) -> Any:
        _steps.get().take(_CALL)
        if isinstance(called, jinja2.runtime.LoopContext):  # of a loop that calls itself
            arguments = tuple(_counted(context, parts) for parts in arguments)
        return super().call(context, called, *arguments, **more)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        if switch := tree.find(nodes.EvalContextModifier):
            raise jinja2.TemplateSyntaxError(
                "escaping cannot be switched off", switch.lineno, name, filename
            )
        for loop in list(tree.find_all(nodes.For)):
            loop.iter = self._counting(loop.iter)
        for each in list(tree.find_all(nodes.Filter)):
            if each.name in _GO_OVER and each.node is not None:
                each.node = self._counting(each.node)
        return tree

    def _counting(self, parts: nodes.Node) -> nodes.Filter:
        assert isinstance(parts, nodes.Expr)
        counting = nodes.Filter(parts, _COUNTED, [], [], None, None, lineno=parts.lineno)
        counting.set_environment(self)
        return counting


def _length(left: Any, right: Any) -> int:
    for text, times in ((left, right), (right, left)):
        if isinstance(text, str | list | tuple) and isinstance(times, int):
            return len(text) * times
    return 0


class _Loader(jinja2.FileSystemLoader):
    """A loader that refuses templates which are links out of the roots of their theme.

    `digest/style.css` is that of the theme `digest`, where it is one of the `bases`.
    """

    def __init__(
        self, folders: tuple[Path, ...], roots: tuple[Path, ...], bases: _Bases = ()
    ) -> None:
        super().__init__([str(folder) for folder in folders])
        self._roots = roots
        self._bases = {name: _Loader(searched, roots) for name, searched in bases}

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        base, _, rest = template.partition("/")
        if rest and base in self._bases:
            return self._bases[base].get_source(environment, rest)
        source, file, is_current = super().get_source(environment, template)
        must_stay_inside(Path(file), self._roots)
        return source, file, is_current


@lru_cache(maxsize=16)
def _environment(folders: tuple[Path, ...], roots: tuple[Path, ...], bases: _Bases) -> _Environment:
    """The environment of a theme, with its templates compiled; a changed file is read again."""
    environment = _Environment(
        loader=_Loader(folders, roots, bases),
        autoescape=lambda name: name is None or not name.endswith(_NO_MARKUP),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=True,
    )
    environment.filters |= {"fill": fill, "safe": _escaped, _COUNTED: _counted}
    return environment


@jinja2.pass_eval_context
def _escaped(context: nodes.EvalContext, value: object) -> object:
    """What the filter `safe` makes of a value: what an author wrote is never markup."""
    return escape(value) if context.autoescape else value


def _blocks(theme: Theme) -> Mapping[str, str]:
    """The files in which a theme writes blocks in its own way, by the names of the blocks.

    Raises RenderError for the file of no block.
    """
    files = {
        path.name.removesuffix(_BLOCK): path
        for folder in reversed(theme.folders)
        if (blocks := folder / "blocks").is_dir()
        for path in blocks.glob(f"*{_BLOCK}")
    }
    for name in files.keys() - NAMES.values():
        raise RenderError(
            f"there is no block {name!r}",
            where=str(files[name]),
            hint=did_you_mean(name, sorted(NAMES.values())),
        )
    return {name: f"blocks/{path.name}" for name, path in files.items()}


def _is_words(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == "t"


class Templates:
    """The templates of one theme; values are escaped unless Markup, except in text and CSS."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._environment = _environment(theme.folders, theme.roots, theme.bases)
        self._loader = _Loader(theme.folders, theme.roots, theme.bases)
        self.blocks = _blocks(theme)

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """Render one file. Raises RenderError with the file and line of a fault."""
        try:
            template = self._environment.get_template(name)
            pieces: list[str] = []
            size = 0
            with _bounded():
                for piece in template.generate(values):
                    size += len(piece)
                    if size > _MAX_CHARACTERS:
                        raise SecurityError("the template writes without end")
                    pieces.append(piece)
            return "".join(pieces)
        except jinja2.TemplateSyntaxError as error:
            raise self._broken(error, name) from error
        except jinja2.TemplateNotFound as error:
            raise RenderError(
                f"the theme has no file {error.name!r}", where=self._place(error, name), hint=_HINT
            ) from error
        except (
            jinja2.TemplateError,
            ArithmeticError,
            AttributeError,
            LookupError,
            MemoryError,
            OverflowError,
            RecursionError,
            SyntaxError,
            TypeError,
            ValueError,
        ) as error:
            raise RenderError(
                f"template: {error}", where=self._place(error, name), hint=_HINT
            ) from error

    def style_sheet(self, name: str, values: Mapping[str, Any]) -> Markup:
        """Render a style sheet, which MJML takes as it is. Raises RenderError, as `render` does."""
        text = self.render(name, values)
        if "</" in text:
            raise RenderError(
                "'</' would end the style sheet",
                where=self._display_name(name),
                hint="Take it out, or the value that brings it.",
            )
        return Markup(text)  # noqa: S704 -- nothing in it ends the style sheet

    def has(self, name: str) -> bool:
        return any((folder / name).exists() for folder in self._theme.folders)

    def check(self) -> None:
        """Read every template of the theme, used or not. Raises RenderError with file and line."""
        for folder in self._theme.folders:
            for path in sorted(folder.rglob("*")):
                if path.suffix in (".j2", ".css"):
                    self._checked(path.relative_to(folder).as_posix())

    def _checked(self, name: str) -> None:
        try:
            self._environment.get_template(name)
        except jinja2.TemplateSyntaxError as error:
            raise self._broken(error, name) from error

    def _broken(self, error: jinja2.TemplateSyntaxError, name: str) -> RenderError:
        file = self._name_of(Path(error.filename)) if error.filename else ""
        where = f"{file or self._display_name(error.name or name)}:{error.lineno}"
        return RenderError(f"template: {error.message}", where=where, hint=_HINT)

    def words_used(self, *names: str) -> frozenset[str]:
        """The words `t.…` that files and all that they include name."""
        waiting, visited, used = list(names), set(names), set()
        while waiting:
            source, _, _ = self._loader.get_source(self._environment, waiting.pop())
            tree = self._environment.parse(source)
            used |= {node.attr for node in tree.find_all(nodes.Getattr) if _is_words(node.node)}
            more = {name for name in meta.find_referenced_templates(tree) if name} - visited
            waiting += more
            visited |= more
        return frozenset(used)

    def _place(self, error: BaseException, name: str) -> str:
        """The innermost line of a template in the error's traceback."""
        place = self._display_name(name)
        trace = error.__traceback__
        while trace is not None:
            file = Path(trace.tb_frame.f_code.co_filename)
            if template := self._name_of(file):
                place = f"{template}:{trace.tb_lineno}"
            trace = trace.tb_next
        return place

    def _name_of(self, file: Path) -> str:
        """How messages name a file of the theme; empty for any other."""
        for folder in self._theme.folders:
            if file.is_relative_to(folder):
                return f"templates/{folder.name}/{file.relative_to(folder).as_posix()}"
        return ""

    def _display_name(self, name: str) -> str:
        return f"templates/{self._theme.name}/{name}"


_HINT = "docs/extending.md lists what a template may use."
