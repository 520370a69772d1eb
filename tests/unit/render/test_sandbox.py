"""A theme's template that asks for more than it may have: one error, with its line."""

import json
from pathlib import Path

import pytest

from newsletter.errors import RenderError
from newsletter.model.digest import Digest
from newsletter.render.sandbox import Templates
from tests.unit.render.rendering import issue, own_theme, rendered

SECRET = "the secret beside the theme"
DEEP = "{% for a in [1] %}" * 30 + "{% endfor %}" * 30


def failed(folder: Path, template: str, **files: str) -> RenderError:
    """The error of rendering an issue with this MJML template."""
    (folder / "secret.txt").write_text(SECRET, "utf-8")
    theme = own_theme(folder, {"email.mjml.j2": template, **files})
    with pytest.raises(RenderError) as caught:
        rendered(issue("Text.\n"), theme)
    return caught.value


@pytest.mark.parametrize(
    "attack",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ joiner.__init__.__globals__ }}",
        "{{ lipsum.__globals__ }}",
        "{{ subject | attr('__class__') }}",
        "{{ subject['__class__'] }}",
        "{{ '{0.__class__}'.format(subject) }}",
        "{{ inline.__globals__ }}",
        "{{ blocks.__self__.__dict__ }}",
        "{{ digest.__class__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ namespace().__class__ }}",
        "{{ theme.update(name='x') }}",
        "{{ theme.clear() }}",
        "{{ digest.sections.__add__ }}",
    ],
)
def test_a_template_gets_no_further_than_its_values(attack: str, tmp_path: Path) -> None:
    error = failed(tmp_path, f"<mjml>\n\n{attack}</mjml>")

    assert error.message.startswith("template: ")
    assert error.where == "templates/digest/email.mjml.j2:3"
    assert error.hint


@pytest.mark.parametrize(
    "greed",
    [
        "{{ 'x' * 100000000 }}",
        "{{ 100000000 * 'x' }}",
        "{{ [1] * 100000000 }}",
        "{% set x = 2 ** 100000000 %}",
        "{{ range(100000000) | list }}",
        "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
        "{% include 'email.mjml.j2' %}",
        "{{ 1 / 0 }}",
    ],
)
def test_a_template_that_asks_for_too_much_is_an_error(greed: str, tmp_path: Path) -> None:
    error = failed(tmp_path, f"<mjml>\n{greed}</mjml>")

    assert error.message.startswith("template: ")
    assert error.where == "templates/digest/email.mjml.j2:2"


def test_a_template_that_writes_without_end_is_stopped(tmp_path: Path) -> None:
    loops = "{% for a in range(9999) %}{% for b in range(9999) %}too much{% endfor %}{% endfor %}"

    error = failed(tmp_path, loops)

    assert "without end" in error.message
    assert error.where == "templates/digest/email.mjml.j2"


@pytest.mark.parametrize(
    "loops",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(9999) %}{% for b in range(9999) if b > 9999 %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{% set b = range(99999) | sum %}{% endfor %}",
        "{% for a in 'x' * 99999 %}{% set b = range(99999) | map('abs') | list %}{% endfor %}",
        "{% for a in range(999) recursive %}{{ loop(range(999)) if loop.depth < 3 }}{% endfor %}",
        "{% macro m(n) %}{{ m(n - 1) ~ m(n - 1) if n }}{% endmacro %}{{ m(99) }}",
    ],
)
@pytest.mark.pressure
@pytest.mark.processor_seconds(60)  # it was minutes to hours
def test_loops_that_write_nothing_end(loops: str, tmp_path: Path) -> None:
    error = failed(tmp_path, f"<mjml>\n{loops}</mjml>")

    assert "loops go round more than 1,000,000 times" in error.message
    assert error.where == "templates/digest/email.mjml.j2:2"


def test_a_loop_knows_where_it_is_whatever_it_goes_over(tmp_path: Path) -> None:
    loop = "{{ loop.index }}/{{ loop.length }}{{ '.' if loop.last else ',' }}"
    parts = "[1, 2] | map('abs')"
    body = f"{{% for a in {parts} %}}{loop}{{% endfor %}}{{% for a in 'ab' %}}{loop}{{% endfor %}}"
    text = f"<mj-section><mj-column><mj-text>{body}</mj-text></mj-column></mj-section>"
    theme = own_theme(tmp_path, {"email.mjml.j2": f"<mjml><mj-body>{text}</mj-body></mjml>"})

    assert "1/2,2/2.1/2,2/2." in "".join(map(str, rendered(issue(), theme).html))


def hostile_issue() -> Digest:
    return issue("Text.\n", title=json.dumps("A <b>bold</b> </style><script>title()</script>"))


@pytest.mark.parametrize(
    "written",
    [
        "{{ digest.title_text | safe }}",
        "{{ digest.title_text | upper | safe }}",
        "{% filter safe %}{{ digest.title_text }}{% endfilter %}",
        "{% set title = digest.title_text | safe %}{{ title }}",
        "{% for title in [digest.title_text | safe] %}{{ title }}{% endfor %}",
    ],
)
def test_what_an_author_wrote_is_never_markup(written: str, tmp_path: Path) -> None:
    body = f"<mj-section><mj-column><mj-text>{written}</mj-text></mj-column></mj-section>"
    theme = own_theme(tmp_path, {"email.mjml.j2": f"<mjml><mj-body>{body}</mj-body></mjml>"})

    html = "".join(map(str, rendered(hostile_issue(), theme).html))

    assert "<script" not in html.lower()
    assert "&lt;script" in html.lower()


def test_escaping_cannot_be_switched_off(tmp_path: Path) -> None:
    error = failed(tmp_path, "a\n{% autoescape false %}{{ digest.title_text }}{% endautoescape %}")

    assert error.message == "template: escaping cannot be switched off"
    assert error.where == "templates/digest/email.mjml.j2:2"


@pytest.mark.parametrize("name", ["style.css", "responsive.css"])
def test_nothing_that_an_author_wrote_ends_a_style_sheet(name: str, tmp_path: Path) -> None:
    theme = own_theme(tmp_path, {name: ".p { content: '{{ digest.title_text }}' }"})

    with pytest.raises(RenderError, match="would end the style sheet") as caught:
        rendered(hostile_issue(), theme)

    assert caught.value.where == f"templates/digest/{name}"


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../../../../../../etc/passwd", "../secret.txt", "..\\secret.txt", "//x"],
)
@pytest.mark.parametrize(
    "tag", ["{{% include {0!r} %}}", "{{% import {0!r} as p %}}", "{{% extends {0!r} %}}"]
)
def test_no_file_beside_the_theme_is_read(tag: str, path: str, tmp_path: Path) -> None:
    error = failed(tmp_path, "<mjml>\n" + tag.format(path) + "</mjml>")

    assert error.message == f"the theme has no file {path!r}"
    assert error.where == "templates/digest/email.mjml.j2:2"


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret.txt", "secret.txt"])
def test_no_file_is_read_by_mjml_either(path: str, tmp_path: Path) -> None:
    body = f'<mjml><mj-body>\n<mj-include path="{path}" />\n</mj-body></mjml>'

    error = failed(tmp_path, body)

    assert error.message.startswith("MJML: ")
    assert error.where == "templates/digest/email.mjml.j2:2"
    assert SECRET not in error.message


@pytest.mark.parametrize(
    ("template", "message", "line"),
    [
        ("a\n\n{{ nothing }}", "'nothing' is undefined", 3),
        ("a\n{{ theme.colours.nothing }}", "has no attribute 'nothing'", 2),
        ("{{ digest.nothing }}", "has no attribute 'nothing'", 1),
        ("a\n{% if %}", "Expected an expression", 2),
        ("a\n{% for a in b %}", "Unexpected end of template", 2),
        ("a\n\n{{ subject | nofilter }}", "No filter named 'nofilter'", 3),
        ("a\n{% nothing %}", "unknown tag 'nothing'", 2),
        ("a\n{{ merge(1) }}", "", 2),
        ("a\n{{ domain(7) }}", "", 2),
        ("a\n{{ subject + 1 }}", "", 2),
    ],
)
def test_a_mistake_in_a_template_is_an_error_with_its_line(
    template: str, message: str, line: int, tmp_path: Path
) -> None:
    error = failed(tmp_path, template)

    assert message in error.message
    assert error.where == f"templates/digest/email.mjml.j2:{line}"
    assert error.hint


def test_a_mistake_in_a_part_is_told_of_the_part(tmp_path: Path) -> None:
    (tmp_path / "digest" / "parts").mkdir(parents=True)

    error = failed(
        tmp_path, "{% include 'parts/head.j2' %}", **{"parts/head.j2": "a\n\n{{ nothing }}"}
    )

    assert error.where == "templates/digest/parts/head.j2:3"


@pytest.mark.parametrize("template", [DEEP, "{{ " + "(" * 5_000 + " }}", "{{ [" * 3_000])
def test_a_template_too_deep_for_python_is_an_error(template: str, tmp_path: Path) -> None:
    assert failed(tmp_path, template).where.startswith("templates/digest/email.mjml.j2")


@pytest.mark.parametrize("name", ["email.mjml.j2", "email.txt.j2", "style.css", "responsive.css"])
def test_a_file_of_a_theme_that_is_not_utf_8_is_an_error(name: str, tmp_path: Path) -> None:
    theme = own_theme(tmp_path, {})
    (tmp_path / "digest" / name).write_bytes("中文".encode("gbk"))

    with pytest.raises(RenderError) as caught:
        rendered(issue(), theme)

    assert name in caught.value.where


def test_values_are_escaped_in_html_and_literal_in_text(tmp_path: Path) -> None:
    theme = own_theme(tmp_path, {"a.html.j2": "{{ x }}", "a.txt.j2": "{{ x }}"})

    templates = Templates(theme)

    assert templates.render("a.html.j2", {"x": "<b>"}) == "&lt;b&gt;"
    assert templates.render("a.txt.j2", {"x": "<b>"}) == "<b>"
