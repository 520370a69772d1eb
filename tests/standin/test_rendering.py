"""The mail in the mailbox is the same, whichever way it was handed over."""

from email.message import EmailMessage

from mypy_boto3_sesv2 import SESV2Client

from tests.standin.asking import READER, SENDER, bulk, entry, pairs, raw, simple, template
from tests.standin.client import StandIn
from tests.standin.log import Record

SUBJECT, HTML, TEXT = "你好 {{name}}", "<p>读者 {{name}}: {{u}}</p>\n", "读者 {{name}}\n{{u}}"


def _last(standin: StandIn) -> Record:
    return list(standin.accepted())[-1]


def test_default_data_is_merged_with_that_of_the_entry(standin: StandIn, ses: SESV2Client) -> None:
    """By key: what the entry does not name comes from the default."""
    content = template(SUBJECT, HTML, TEXT, TemplateData='{"name": "reader", "u": "none"}')

    ses.send_bulk_email(**bulk([entry(data={"u": "https://a/<1>&{{name}}"})], content))

    mail = _last(standin)
    assert mail["subject"] == "你好 reader"
    assert mail["html"] == "<p>读者 reader: https://a/<1>&{{name}}</p>"
    assert mail["text"] == "读者 reader\nhttps://a/<1>&{{name}}"


def test_headers_of_an_entry_replace_those_of_its_name_and_join_the_others(
    standin: StandIn, ses: SESV2Client
) -> None:
    """Names are compared without regard to case."""
    content = template(Headers=pairs({"List-Id": "<a.example.com>", "X-Ref": "none"}))
    given = entry(ReplacementHeaders=pairs({"x-REF": "7.1", "List-Unsubscribe": "<https://a/u>"}))

    ses.send_bulk_email(**bulk([given], content))

    assert _last(standin)["headers"] == [
        ["From", SENDER],
        ["To", READER],
        ["Subject", "Hello"],
        ["List-Id", "<a.example.com>"],
        ["x-REF", "7.1"],
        ["List-Unsubscribe", "<https://a/u>"],
    ]


def test_tags_of_an_entry_are_merged_over_the_default(standin: StandIn, ses: SESV2Client) -> None:
    """By name."""
    given = entry(ReplacementTags=pairs({"attempt": "2", "delivery": "7"}))

    ses.send_bulk_email(**bulk([given], DefaultEmailTags=pairs({"send": "a", "attempt": "1"})))

    assert _last(standin)["tags"] == {"send": "a", "attempt": "2", "delivery": "7"}


def test_bulk_raw_and_simple_reach_the_mailbox_alike(standin: StandIn, ses: SESV2Client) -> None:
    """Subject, HTML, text and headers, whatever the encoding of the MIME."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, READER, "你好 读者"
    message["X-Ref"], message["Message-ID"] = "7.1", "<own@example.com>"
    message.set_content("纯文本\n", cte="base64")
    message.add_alternative("<p>读者</p>\n", subtype="html", cte="quoted-printable")
    data = {"name": "读者"}
    content = template(
        "你好 {{name}}", "<p>{{name}}</p>", "纯文本", Headers=pairs({"X-Ref": "7.1"})
    )
    body = {"Html": {"Data": "<p>读者</p>"}, "Text": {"Data": "纯文本"}}
    plain = {"Subject": {"Data": "你好 读者"}, "Body": body, "Headers": pairs({"X-Ref": "7.1"})}

    ses.send_email(**raw(message.as_bytes()))
    ses.send_bulk_email(**bulk([entry(data=data)], content))
    ses.send_email(**simple(Content={"Simple": plain}))

    *_, first, second, third = standin.accepted()
    for part in ("subject_sha256", "html_sha256", "text_sha256", "subject", "html", "text"):
        assert first[part] == second[part] == third[part], part
    assert sorted(first["headers"]) == sorted(second["headers"]) == sorted(third["headers"])


def test_a_missing_variable_is_accepted_and_fails_later(standin: StandIn, ses: SESV2Client) -> None:
    """SUCCESS is not "sent": the event comes later, and no mail."""
    answer = ses.send_bulk_email(
        **bulk([entry()], template(html="{{gone}}"), ConfigurationSetName="newsletter")
    )

    [result] = answer["BulkEmailEntryResults"]
    events = [e for e in standin.events() if e["mail"]["messageId"] == result["MessageId"]]
    assert result["Status"] == "SUCCESS"
    assert [event["eventType"] for event in events] == ["Rendering Failure"]
    assert events[0]["failure"]["errorMessage"] == (
        "Attribute 'gone' is not present in the rendering data."
    )


def test_raw_mail_without_a_destination_goes_to_its_headers(
    standin: StandIn, ses: SESV2Client
) -> None:
    """And tags of the API win over those of the header."""
    head = b"Bcc: second@example.com\r\nX-SES-MESSAGE-TAGS: send=a, attempt=1\r\n"
    body = b"From: daily@example.com\r\nTo: One <first@example.com>\r\nSubject: a\r\n\r\nb\r\n"

    ses.send_email(**raw(head + body))
    ses.send_email(**raw(head + body, EmailTags=pairs({"send": "b"})))

    *_, first, second, third, fourth = standin.accepted()
    assert [line["to"] for line in (first, second)] == ["first@example.com", "second@example.com"]
    assert first["tags"] == {"send": "a", "attempt": "1"}
    assert third["tags"] == fourth["tags"] == {"send": "b"}
    assert "Bcc" not in dict(first["headers"])
