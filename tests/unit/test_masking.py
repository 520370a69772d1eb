"""No secret is left in what libraries and servers say of a failure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.masking import masked

SECRET = "hunter2secret"
SIGNED = (
    "Credential=AKIAIOSFODNN7EXAMPLE/20261128/us-east-1/ses/aws4_request, "
    f"SignedHeaders=host;x-amz-date, Signature={SECRET}"
)


@pytest.mark.parametrize(
    "text",
    [
        f'Could not connect to the endpoint URL: "http://u:{SECRET}@127.0.0.1:9/v2/email/account"',
        f'Failed to connect to proxy URL: "http://socks5://user:{SECRET}@127.0.0.1:9"',
        f"http://u:a/b?{SECRET}@host/path",
        f"http://u:a@{SECRET}@host/path",
        f"https://{SECRET}@host",
        f"connection to postgresql+psycopg://me:{SECRET}@db:5432/n failed",
        f"invalid connection option: host=db password={SECRET} user=me",
        f"password = '{SECRET} with spaces'",
        f'{{"SecretAccessKey": "{SECRET}", "SessionToken" : "{SECRET}"}}',
        f"AWS_SECRET_ACCESS_KEY={SECRET}",
        f"Invalid header value b'AWS4-HMAC-SHA256 {SIGNED}'",
        f"Invalid header value b'{SECRET}\\nrest'",
        f"Authorization: AWS4-HMAC-SHA256 {SIGNED}",
        f"authorization: Basic {SECRET}",
        f"https://host/?X-Amz-Credential={SECRET}&X-Amz-Signature={SECRET}&X-Amz-Date=1",
        f"x-amz-security-token:{SECRET}\nhost:email",
        f"X-Amz-Security-Token: {SECRET}",
        f"Error when retrieving credentials from custom-process: no vault\n{SECRET}",
        f"The signature does not match. The Canonical String for this request was 'POST {SECRET}'",
    ],
)
def test_what_is_secret_is_hidden_wherever_it_stands(text: str) -> None:
    assert SECRET not in masked(text)
    assert "***" in masked(text)


@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"])
def test_a_key_id_is_hidden_in_any_sentence(key: str) -> None:
    assert masked(f"the key {key}, it says,") == "the key ***, it says,"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            'Could not connect to the endpoint URL: "https://email.us-east-1.amazonaws.com/v2/x"',
            'Could not connect to the endpoint URL: "https://email.us-east-1.amazonaws.com/v2/x"',
        ),
        ("http://127.0.0.1:9/a?b=c#d", "http://127.0.0.1:9/a?b=c#d"),
        ("http://[::1]:9/a", "http://[::1]:9/a"),
        ("http://u:p@host:9/a", "http://***@host:9/a"),
        (
            "https://host/v2/email/suppression/addresses/ada%40example.com",
            "https://host/v2/email/suppression/addresses/***",
        ),
        ("https://host:443/identities/ada@example.com/x", "https://***@example.com/x"),
        ("password authentication failed for user", "password authentication failed for user"),
        ("The security token included is invalid", "The security token included is invalid"),
        (
            "Signature expired: 20261128T081500Z is now earlier",
            "Signature expired: 20261128T081500Z is now earlier",
        ),
        (
            "User: arn:aws:iam::123456789012:user/x is not authorized to perform: ses:GetAccount",
            "User: arn:aws:iam::123456789012:user/x is not authorized to perform: ses:GetAccount",
        ),
        ("", ""),
    ],
)
def test_what_helps_is_kept(text: str, shown: str) -> None:
    assert masked(text) == shown


@given(
    st.sampled_from(["http://", "socks5://", "http://socks5h://", "postgresql://"]),
    st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), max_size=8),
    st.sampled_from(["host", "127.0.0.1:8080", "[::1]:9", "host/path", "host?x=1"]),
)
def test_no_password_of_any_letters_is_left(scheme: str, around: str, host: str) -> None:
    around = around.translate({ord(sign): None for sign in "\"'<>"})

    assert SECRET not in masked(f'no way to "{scheme}user:{around}{SECRET}{around}@{host}".')


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    assert masked(masked(text)) == masked(text)
