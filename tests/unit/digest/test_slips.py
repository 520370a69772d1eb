"""Targets that lead nowhere by a slip: each is told with what was probably meant."""

import pytest

from newsletter.digest.slips import slip_in
from newsletter.digest.urls import Use, check
from newsletter.model.finding import Severity
from newsletter.model.inline import Link
from tests.unit.digest.reading import BASE, all_of, finding, read


@pytest.mark.parametrize(
    ("target", "fix", "leads_to"),
    [
        ("example.com/page", "Write https://example.com/page.", "https://example.com/page"),
        ("www.example.com", "Write https://www.example.com.", "https://www.example.com"),
        ("example.com:8080/x", "Write https://example.com:8080/x.", "https://example.com:8080/x"),
        ("münchen.example", "Write https://münchen.example.", "https://m%C3%BCnchen.example"),
        ("http//example.com", "Write https://example.com.", None),
        ("https:/example.com", "Write https://example.com.", None),
        ("https:example.com", "Write https://example.com.", None),
        ("https;//example.com", "Write https://example.com.", None),
        ("https:\\\\example.com", "Write https://example.com.", None),
        ("https:///example.com", "Write https://example.com.", None),
        ("https://https://example.com/x", "Write https://example.com/x.", None),
        ("http://https//example.com", "Write https://example.com.", None),
        ("https://", "Write the whole address, or remove the link.", None),
        ("HTTP:", "Write the whole address, or remove the link.", None),
        ("https：//example.com/a", "Write https://example.com/a.", None),
        ("http:／／example.com", "Write http://example.com.", None),
        ("(https://example.com/x)", "Write https://example.com/x alone.", None),
        ("((https://example.com/x", "Write https://example.com/x alone.", None),
        ("“https://example.com”", "Write https://example.com alone.", None),
        ("other-issue.md", f"Link to its page: {BASE}/archive/other-issue/.", None),
        ("../2026-01-01-Other.md#a", f"Link to its page: {BASE}/archive/2026-01-01-other/.", None),
        ("report.pdf", "Put it on your web site, and write its whole address.", None),
        ("files/numbers.xlsx?v=2", "Put it on your web site, and write its whole address.", None),
        ("news@example.com", "Write mailto:news@example.com.", "mailto:news@example.com"),
        ("mailto:", "Write mailto:name@example.com.", "mailto:"),
        ("mailto:news", "Write mailto:name@example.com.", "mailto:news"),
        ("mailto:https://example.com", "Write mailto:name@example.com.", None),
        (
            "mailto://news@example.com",
            "Write mailto:news@example.com.",
            "mailto://news@example.com",
        ),
        (
            "mailto:news@example.com&subject=Hi",
            "Write mailto:news@example.com?subject=Hi.",
            "mailto:news@example.com&subject=Hi",
        ),
    ],
)
def test_a_slip_is_told_with_what_was_meant(target: str, fix: str, leads_to: str | None) -> None:
    slip = check(target, BASE)

    assert (slip.rule, slip.severity, slip.fix) == ("broken-link", Severity.WARNING, fix)
    if target != "mailto:https://example.com":
        assert slip.url == leads_to


@pytest.mark.parametrize(
    "target", ["htps://example.com", "hhttps://example.com", "ttp://example.com"]
)
def test_a_misspelt_scheme_is_named_rightly(target: str) -> None:
    slip = check(target, BASE)

    assert (slip.rule, slip.fix) == ("unknown-scheme", "Write https://example.com.")


@pytest.mark.parametrize(
    "target",
    [
        "https://example.com",
        "http://example.com/(a)",
        "HTTPS://EXAMPLE.COM",
        "https://example.com/https://other.example",
        "https://example.com/?to=a@b.example",
        "https://example.com/report.pdf",
        "//example.com/x",
        "/files/report.pdf",
        "/archive/",
        "posts/part-1.html",
        "../about/",
        "index.html",
        "mailto:a@b.example",
        "mailto:a@b.example,c@d.example?subject=x",
        "mailto:a%2Bb@c.example",
        "mailto:?subject=Read this",
        "ftp://example.com",
        "tel:+491234",
        "http/notes",
        "无链接",
        "",
    ],
)
def test_a_target_of_another_kind_is_no_slip(target: str) -> None:
    assert slip_in(target, BASE) is None


@pytest.mark.parametrize(
    ("target", "braces", "fix"),
    [
        ("https://e.example/?n={{subscriber.name}}", "{{subscriber.name}}", "the address itself"),
        ("https://e.example/?n={{ email }}", "{{ email }}", "the address itself"),
        ("{{site.url}}/page", "{{site.url}}", "the address itself"),
        ("mailto:{{subscriber.email}}", "{{subscriber.email}}", "the address itself"),
        ("https://e.example/{{web_url}}", "{{web_url}}", "{{web_url}} alone"),
        ("{{unsubscribe_url}}?from=mail", "{{unsubscribe_url}}", "{{unsubscribe_url}} alone"),
    ],
)
def test_a_field_within_an_address_is_told(target: str, braces: str, fix: str) -> None:
    slip = check(target, BASE)

    assert (slip.rule, slip.severity) == ("broken-link", Severity.WARNING)
    assert f"keeps {braces!r} as it stands" in slip.problem
    assert fix in slip.fix


@pytest.mark.parametrize(
    "source",
    [
        "[a](https://e.example/?n={{subscriber.name}})",
        '<a href="https://e.example/?n={{ subscriber.name }}">a</a>',
        "![a](https://e.example/{{subscriber.name}}.png)",
        "https://e.example/?n={{subscriber.name}}",
        "[a][r]\n\n[r]: https://e.example/{{subscriber.name}}",
        "**[a](https://e.example/?n={{subscriber.name}})**",
    ],
)
def test_a_field_in_whatever_address_is_told_once(source: str) -> None:
    (found,) = [found for found in read(f"{source}\n").findings if found.rule == "broken-link"]

    assert "subscriber.name" in found.message


def test_a_field_as_the_whole_target_is_filled() -> None:
    assert check("{{ web_url }}", BASE).url == "{{web_url}}"
    assert check("{{ web_url }}", BASE, Use.RESOURCE).rule == "broken-link"


def test_code_in_a_target_is_refused_before_fields() -> None:
    assert check("javascript:{{x}}", BASE).rule == "unsafe-link"


def test_a_domain_among_links_is_found_at_its_line() -> None:
    parsed = read("---\ntitle: T\ndate: 2026-01-07\n---\nOne.\n\nSee [it](example.com/page).\n")

    assert finding(parsed, "broken-link") == (Severity.WARNING, 7)
    (link,) = all_of(parsed.digest, Link)
    assert link.url == "https://example.com/page"


def test_pictures_and_covers_have_no_slips_of_links() -> None:
    parsed = read("![A cat](example.com/cat.png)\n")

    assert "broken-link" not in {found.rule for found in parsed.findings}


def test_a_host_in_letters_of_another_script_is_written_in_punycode() -> None:
    """HTML has it as it is typed; escapes in it would be no name that can be looked up."""
    target = check("https://münchen.de/straße?q=ä", "https://news.example.com")

    assert target.url == "https://xn--mnchen-3ya.de/stra%C3%9Fe?q=%C3%A4"
