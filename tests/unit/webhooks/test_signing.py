"""A message is signed as Standard Webhooks has it, so that its own library believes it."""

import base64
import datetime as dt
import json
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from newsletter.errors import ConfigurationError
from newsletter.webhooks.signing import headers, load_keys

OLD, NEW = (f"whsec_{base64.b64encode(bytes([n]) * 32).decode()}" for n in (1, 2))


def test_what_is_signed_is_believed_by_each_secret_and_by_no_other(tmp_path: Path) -> None:
    """Both, while a secret is changed."""
    body = json.dumps({"type": "ping", "data": {"name": "影响"}}).encode()
    keys = load_keys(tmp_path, "crm", f"{NEW},{OLD}")
    signed = dict(headers("msg_1", dt.datetime.now(dt.UTC), body, keys))

    for secret in (OLD, NEW):
        assert Webhook(secret).verify(body, signed) == json.loads(body)
    other = f"whsec_{base64.b64encode(bytes(32)).decode()}"
    for secret, what in ((other, body), (OLD, body + b" ")):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(what, signed)


def test_secrets_are_the_lines_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "subscribers" / "webhook-crm.key"
    file.parent.mkdir()
    file.write_text(f"\ufeff{NEW}\n{OLD}\n")

    assert load_keys(tmp_path, "crm", "") == load_keys(tmp_path, "crm", f"{NEW}, {OLD}")


@pytest.mark.parametrize(
    "text", [None, "", "secret", "whsec_", "whsec_c2hvcnQ=", f"{NEW}\nwhsec_?"]
)
def test_a_secret_that_is_missing_or_none_is_told_with_its_file(
    tmp_path: Path, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "subscribers").mkdir()
        (tmp_path / "subscribers" / "webhook-crm.key").write_text(text)

    with pytest.raises(ConfigurationError) as caught:
        load_keys(tmp_path, "crm", "")

    assert caught.value.where.endswith("webhook-crm.key")
    assert "openssl rand" in caught.value.hint
    assert "c2hvcnQ" not in str(caught.value)
