"""Each rule finds what it is about, at its place, and leaves its neighbour alone."""

import pytest

from newsletter.lint import DIGEST_RULES, DigestRule, check, rule_id
from newsletter.lint.visible import runs
from newsletter.model.finding import Severity
from newsletter.model.nodes import nodes_of
from newsletter.render.fields import Fields
from tests.unit.lint import examples
from tests.unit.lint.examples import (
    FRONT,
    PROSE,
    Example,
    findings,
    front,
    issue,
    longer,
    parsed_issue,
)

EXAMPLES = [
    pytest.param(example, id=f"{number}-{example.rule}")
    for number, example in enumerate((*examples.DIGEST_RULES, *examples.PARSER_RULES))
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_rule_finds_its_fault_at_its_place(example: Example) -> None:
    found = findings(example.bad, example.rule, example.stem)

    assert found, [str(finding) for finding in findings(example.bad)]
    assert found[0].severity is example.severity
    assert found[0].position.file == f"issues/{example.stem}.md"
    assert (found[0].position.line, found[0].position.column) == (example.line, example.column)


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_rule_leaves_the_nearest_good_issue_alone(example: Example) -> None:
    assert findings(example.good, example.rule, example.stem) == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_finding_says_what_is_wrong_and_what_to_do(example: Example) -> None:
    found = findings(example.bad, example.rule, example.stem)

    for finding in found:
        assert len(finding.message) >= 10
        assert not finding.message.endswith(".")
        assert not finding.fix.endswith((":.", "….", ",."))
        assert finding.fix.endswith((".", "?", "…")) or ": " in finding.fix


def test_rules_share_what_they_ask_of_a_digest() -> None:
    """A walk through a long digest takes longer than most rules."""
    one, other = parsed_issue(FRONT + PROSE).digest, parsed_issue(FRONT).digest

    assert runs(one) is runs(one)
    assert nodes_of(one) is nodes_of(one)
    assert len(nodes_of(other)) < len(nodes_of(one))


def test_every_rule_on_the_digest_has_an_example() -> None:
    shown = {example.rule for example in examples.DIGEST_RULES}

    assert shown == {rule_id(rule) for rule in DIGEST_RULES}


@pytest.mark.parametrize("rule", DIGEST_RULES, ids=rule_id)
def test_a_rule_emits_its_own_id_alone(rule: DigestRule) -> None:
    """One rule, one function: what a finding names is what the code calls it."""
    bad = [example.bad for example in examples.DIGEST_RULES if example.rule == rule_id(rule)]

    emitted = {f.rule for source in bad for f in rule(examples.parsed_issue(source).digest)}

    assert emitted == {rule_id(rule)}


def test_an_issue_in_order_has_no_finding() -> None:
    assert findings(FRONT + PROSE) == []


def test_findings_come_in_the_order_of_the_file() -> None:
    """Those of the parser and those of the rules, as one."""
    found = findings(longer("## [x](/x)\n\n**b\n\n![](https://a.example/a.png) One\x07 two\x07\n"))

    lines = [finding.position.line for finding in found]
    assert lines == sorted(lines)
    assert len({finding.rule for finding in found}) == 4


# --- length ---------------------------------------------------------------------------------------


def test_a_short_issue_is_no_error() -> None:
    """Of the faults of length only nothing, a placeholder and a cut heading are errors."""
    found = findings(issue("[Looms](https://example.com/l) came.\n"))

    assert [(finding.rule, finding.severity) for finding in found] == [
        ("short-issue", Severity.WARNING)
    ]


def test_white_space_and_the_promo_card_do_not_make_an_issue_longer() -> None:
    text = "word " * 20

    assert findings(issue(text + "\n\n" + examples.PROMO), "short-issue")
    assert "80 visible" in findings(issue(text), "short-issue")[0].message


def test_a_cut_heading_is_found_before_a_card_with_a_heading_of_its_own() -> None:
    assert "<h3>" in examples.PROMO

    assert findings(longer(f"## [The council keeps\n\n{examples.PROMO}"), "truncated-issue")


# --- links ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown", "fix"),
    [
        (
            "[us](mailto:a@b.example?subject=This week)",
            "'[us](mailto:a@b.example?subject=This week)'",
            "Write %20 for each space: (mailto:a@b.example?subject=This%20week).",
        ),
        ("[it]({{ site.url }}/x y)", "'[it]({{ site.url }}/x y)'", "Write the address itself"),
        ("[f](/files/a report.pdf)", "a report.pdf)'", "(/files/a%20report.pdf)"),
        ("**[a](b c)**", "'[a](b c)'", "(b%20c)"),
        ("| x | [a](b c) |\n|---|---|\n| 1 | 2 |", "'[a](b c)'", "(b%20c)"),
        ("[a] (https://b.example/)", "'[a] (https://b.example/)'", "Remove the space"),
        ("[a]\n(https://b.example/)", "https://b.example/)'", "Remove the space"),
        ("[a](https://b.example/", "'[a](https://b.example/'", "Close it"),
        ('[a](https://b.example/ "c)', "c)'", "Close the quotes"),
        ("<div>[a](https://b.example/)</div>", "'[a](https://b.example/)'", "a blank line"),
        ("![a chart](images/chart one.png)", "'[a chart](images/chart one.png)' is not a p", "%20"),
        ("![a](Screen shot (2).png)", "'[a](Screen shot (2).png)'", "(Screen%20shot%20(2).png)."),
        ('![a](b c.png "d e")', " is not a picture", '(b%20c.png "…").'),
        (
            "[a](https://b.example y",
            "'[a](https://b.example y'",
            "Close it: [text](https://b.example)",
        ),
        ("[Leave]({{ unsubscribe_url }})", "unsubscribe_url", "[text]({{unsubscribe_url}})"),
        ("[a\\](https://b.example)", "'[a](https://b.example)'", "Remove the backslash"),
        (
            "看[报告]（https://b.example/a）",
            "'[报告]（https://b.ex",
            "[报告](https://b.example/a),",
        ),
        ("【报告】(https://b.example/a)", "'【报告】(https://b.ex", "[报告](https://b.example/a),"),
        (
            "[报告](https://b.example/a）",
            "'[报告](https://b.ex",
            "Close it: [text](https://b.example/a)",
        ),
        ("<https://b.example/a b>", "'<https://b.example/a b>'", "<https://b.example/a%20b>"),
        ("[a\\](/b)", "'[a](/b)'", "remove a backslash"),
        (
            "[a [b](https://b.example) c](https://d.example)",
            "'[a b c](",
            "Keep one link of the two",
        ),
        ("x](https://b.example/ y)", "'](https://b.example/ y'", "%20"),
    ],
)
def test_a_link_that_is_shown_as_it_is_written_is_told(text: str, shown: str, fix: str) -> None:
    (found,) = findings(longer(f"{text}\n"), "broken-link")

    assert (found.severity, found.position.line) == (Severity.WARNING, 9)
    assert shown in found.message
    assert fix in found.fix


@pytest.mark.parametrize(
    "text",
    [
        *("`[a](b c)`", "    [a](b c)\n", "[1] (https://b.example/)", "[Smith] (see below)"),
        *(
            "[1]（https://b.example）",
            "[a]（见下）",
            "【重要】(见下)",
            "【a】（https://b.example）",
        ),
        *("<https://b.example> c>", "a < b", "`<https://b.example/a b>`"),
        *("[a](<b c>)", "a[0] (x)", "[a]: (b)", "[a](https://b.example/(c))", "(a) [b]"),
    ],
)
def test_brackets_that_are_no_link_are_left_alone(text: str) -> None:
    assert findings(longer(f"{text}\n"), "broken-link") == []


@pytest.mark.parametrize("field", ["*|EMAIL|*", "%%email%%", "[EMAIL]", "{email}", "<<Email>>"])
@pytest.mark.parametrize("link", ["[a](<{}>)", "![a](<{}>)", "**[a](<{}>)**"])
def test_a_foreign_field_in_an_address_is_told(field: str, link: str) -> None:
    address = f"https://b.example/?e={field}&x=1".replace("<", "%3C").replace(">", "%3E")

    (found,) = findings(longer(link.format(address) + "\n"), "foreign-merge-field")

    assert found.position.line == 9
    assert f"{field!r} is not a merge field here: the address keeps it" in found.message


def test_a_foreign_field_in_an_address_of_html_is_told() -> None:
    link = '<a href="https://b.example/?e=%EMAIL%">a</a>'

    assert findings(longer(f"One {link}.\n"), "foreign-merge-field")


@pytest.mark.parametrize("query", ["user[name]=1", "a=100%25", "name={{subscriber.name}}"])
def test_a_parameter_is_no_foreign_field(query: str) -> None:
    assert findings(longer(f"[a](https://b.example/?{query})\n"), "foreign-merge-field") == []


@pytest.mark.parametrize(
    ("caption", "rule"),
    [
        ("By **Ann**", "plain-text-markup"),
        ("The *Mary*", "plain-text-markup"),
        ("The _Mary_", "plain-text-markup"),
        ("Of `ls`", "plain-text-markup"),
        ("By [Ann](https://b.example)", "plain-text-markup"),
        ("Of :ship:", "plain-text-markup"),
        ("TODO: who took it", "unfinished-text"),
        ("For *|FNAME|*", "foreign-merge-field"),
        ("At {{ site.name }}", "literal-template"),
    ],
)
def test_a_caption_is_plain_text_and_what_stands_in_it_is_told(caption: str, rule: str) -> None:
    picture = f'![Cranes](https://b.example/a.png "{caption}")'
    among_words = f"See {picture}.\n"  # a title that nobody sees as a caption

    (found,) = findings(longer(f"{picture}\n"), rule)

    assert found.position.line == 9
    assert findings(longer(among_words), rule) == []


@pytest.mark.parametrize("key", ["title", "subject", "preheader", "category"])
@pytest.mark.parametrize(
    "text",
    [
        "The *new* loom",
        "**New**",
        "_Looms_",
        "`ls`",
        "Q&amp;A",
        "It&#8217;s",
        "<b>New</b>",
        "New :tada:",
    ],
)
def test_markup_in_what_is_plain_text_is_told(key: str, text: str) -> None:
    source = f"---\n{key}: '{text}'\ndate: 2026-01-07\n---\n{PROSE}"
    source = source if key == "title" else source.replace("---\n", "---\ntitle: T\n", 1)

    (found,) = findings(source, "plain-text-markup")

    assert found.severity is Severity.WARNING
    assert f"in the {key} is shown as it stands" in found.message


@pytest.mark.parametrize(
    "text",
    ["A&B; C & D", "Vec<T> and a<b", "The <b> tag", "5 * 3 * 2", "at 10:30:45", "a_b_c", "*"],
)
def test_signs_in_plain_text_that_mean_nothing_are_left_alone(text: str) -> None:
    source = f"---\ntitle: '{text}'\nsubject: '{text}'\ndate: 2026-01-07\n---\n{PROSE}"

    assert findings(source, "plain-text-markup") == []


def test_a_title_that_is_a_heading_may_be_marked_up() -> None:
    source = f"---\ndate: 2026-01-07\n---\n# The *new* `loom` of :tada:\n\n{PROSE}"

    assert findings(source, "plain-text-markup") == []


@pytest.mark.parametrize("caption", ["a * b * c", "snake_case_name", "5 * 3 = 15", "It's `", "[1]"])
def test_signs_in_a_caption_that_mean_nothing_are_left_alone(caption: str) -> None:
    source = longer(f'![Cranes](https://b.example/a.png "{caption}")\n')

    assert findings(source) == findings(longer("![Cranes](https://b.example/a.png)\n"))


# --- silencing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("ignored", ["[no-cover, vague-link]", "no-cover, vague-link"])
def test_front_matter_silences_warnings_by_their_ids(ignored: str) -> None:
    source = front(f"lint-ignore: {ignored}", without="coverImage") + PROSE
    source += "\n[here](https://example.com/1)\n"

    assert findings(source) == []


def test_warnings_of_the_parser_are_silenced_too() -> None:
    assert findings(longer("[x](/x)\n"), "relative-link")

    assert findings(front("lint-ignore: [relative-link]") + PROSE + "\n[x](/x)\n") == []


def test_an_error_is_never_silenced() -> None:
    source = front("lint-ignore: [draft-issue]", "draft: true") + PROSE

    assert [finding.rule for finding in findings(source)] == ["draft-issue"]


@pytest.mark.parametrize("value", ["5", "true", "{a: 1}", "[[a], 5, null]", "2026-01-07"])
def test_nonsense_in_lint_ignore_does_no_harm(value: str) -> None:
    found = findings(front(f"lint-ignore: {value}") + PROSE)

    assert {finding.rule for finding in found} == {"unknown-rule"}


# --- merge fields ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "braces",
    [
        "{{web_url}}",
        "{{ subscriber.city }}",
        "{{ subscriber.name|default('you') }}",
        '{{ subscriber.name | default("you") }}',
        "{{ subscriber.name | default(you) }}",
        "{{ subscriber.name | upper }}",
        "{{ subscriber.1st }}",
        "{{ subscriber.姓名 }}",
        "{{ subscriber.first-name }}",
        "{{ subscriber.pre\u0301nom }}",
        "{{ subscriber }}",
        "{{ name }}",
        "{% if a %}",
    ],
)
def test_what_rendering_fills_is_no_literal_template_and_all_else_is(braces: str) -> None:
    """Lint may not import rendering, so this compares what the two take for a merge field."""
    filled = Fields.apart_from(braces).tokenised(braces) != braces

    found = findings(longer(f"Dear {braces}.\n"))
    assert (found == []) == filled
    rules = {"literal-template", "foreign-merge-field", "foreign-markup"}
    assert {finding.rule for finding in found} <= rules


FIRST = '{{ subscriber.first_name | default("reader") }}'
NAME = '{{ subscriber.name | default("reader") }}'


@pytest.mark.parametrize(
    ("field", "ours"),
    [
        ("*|FNAME|*", FIRST),
        ("*|LNAME|*", "{{ subscriber.last_name }}"),
        ("*|UNSUB|*", "{{ unsubscribe_url }}"),
        ("*|UPDATE_PROFILE|*", "{{ preferences_url }}"),
        ("*|ARCHIVE|*", "{{ web_url }}"),
        ("*|FAVOURITE TEA|*", "{{ subscriber.favourite_tea }}"),
        ("*|EMAIL|*", "no merge field"),
        ("*|IF:FNAME|*", "Remove it"),
        ("*|END:IF|*", "Remove it"),
        ("%%first_name%%", FIRST),
        ("%%City%%", "{{ subscriber.city }}"),
        ("{{ first_name }}", FIRST),
        ("{{firstName}}", FIRST),
        ("{{contact.FIRSTNAME}}", FIRST),
        ("{{ .Subscriber.FirstName }}", FIRST),
        ("{{ subscriber.metadata.first_name }}", FIRST),
        ('{{ subscriber.first_name | default: "you" }}', FIRST),
        ('{{var:firstname:"you"}}', FIRST),
        ("{{lead.First Name:default=you}}", FIRST),
        ("{{{Recipient.FirstName}}}", FIRST),
        ("{{ UnsubscribeURL }}", "{{ unsubscribe_url }}"),
        ("{name}", NAME),
        ('{first_name, "you"}', FIRST),
        ("{$name}", NAME),
        ("{!Contact.FirstName}", FIRST),
        ("${user.name}", NAME),
        ("[FIRST NAME]", FIRST),
        ("[firstname,fallback=you]", FIRST),
        ("[Name]", NAME),
        ('[FIRSTNAME OR "you"]', FIRST),
        ("$[FNAME]$", FIRST),
        ("%recipient.name%", NAME),
        ("%FIRSTNAME%", FIRST),
        ("%unsubscribe_url%", "{{ unsubscribe_url }}"),
        ("{{姓名}}", NAME),
    ],
)
@pytest.mark.parametrize("before", ["Dear ", "致", "- one\n\n> # Dear "])
def test_a_field_of_another_system_is_told_with_ours(field: str, ours: str, before: str) -> None:
    (found,) = findings(longer(f"{before}{field}, hello.\n"))

    assert (found.rule, found.severity) == ("foreign-merge-field", Severity.WARNING)
    assert repr(field) in found.message
    assert ours in found.fix


@pytest.mark.parametrize("key", ["title", "subject", "preheader", "summary"])
def test_a_field_of_another_system_is_found_in_the_front_matter(key: str) -> None:
    source = front(f"{key}: Hello *|FNAME|* of the valley", without=key) + PROSE

    assert [finding.rule for finding in findings(source)] == ["foreign-merge-field"]


@pytest.mark.parametrize(
    "text",
    [
        *("50% of names%", "100%% sure", "a | b | c", "*|*", "[a name] [nameless] [12]", "{ name"),
        *(
            "`[FIRST NAME]`",
            "`*|FNAME|*`",
            "[name](https://example.com/n)",
            "x[0] {ref}",
            "{% name %}",
        ),
        *("{{ page.name }}", "{props.name}", "[the email]", "%PATH% and %username%", "<<EOF"),
    ],
)
def test_text_that_is_no_field_of_any_system_is_left_alone(text: str) -> None:
    assert findings(longer(f"{text}\n"), "foreign-merge-field") == []


def test_email_rules_are_left_out_without_an_email() -> None:
    digest = examples.parsed_issue(FRONT + PROSE).digest

    assert check(digest, None) == ()


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("subject", "A **bold** word", "plain-text-markup"),
        ("preheader", "A **bold** word", "plain-text-markup"),
        ("category", "A **bold** word", "plain-text-markup"),
        ("subject", "TODO: write this", "unfinished-text"),
        ("preheader", "TODO: write this", "unfinished-text"),
        ("subject", "Hello *|FNAME|*", "foreign-merge-field"),
        ("preheader", "Hello *|FNAME|*", "foreign-merge-field"),
    ],
)
def test_a_text_of_the_front_matter_is_told_at_its_line(key: str, value: str, rule: str) -> None:
    source = front(f'{key}: "{value}"', without=key) + PROSE
    line = next(n for n, text in enumerate(source.split("\n"), 1) if text.startswith(key))

    assert [(f.rule, f.position.line) for f in findings(source, rule)] == [(rule, line)]
