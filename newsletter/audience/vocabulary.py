"""The words of files that come from anywhere: how a yes and a no are written, in several languages.

A word that is not here is never guessed: the file is refused, since taking a no for a yes would
mail somebody who left.
"""

from collections.abc import Iterable, Mapping

from newsletter.model.standing import Standing

Words = Mapping[str, Standing | None]  # lower case; None: it says nothing about the person


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in text.split(","))


# What databases and programs write for nothing.
EMPTY = _words(", null, nil, none, nan, nat, n/a, -, –, \\n, 0000-00-00, 0000-00-00 00:00:00")
YES = _words("yes, y, true, t, 1, on, x, ✓, ✔, ja, wahr, oui, vrai, sí, si, verdadero, sim, 是, 对")
NO = _words(
    "no, n, false, f, 0, off, never, nein, falsch, non, faux, falso, não, nao, nee, 否, 不是"
)

# Words with only one meaning, in any column.
_PLAIN = {
    Standing.PENDING: "unconfirmed, not confirmed, not_confirmed, unverified, unactivated, "
    "never confirmed, non-subscribed, nonsubscribed, non subscribed, never subscribed, "
    "never_subscribed, unbestätigt, nicht bestätigt, non confirmé, sin confirmar, 未确认, 待确认",
    Standing.UNSUBSCRIBED: "unsubscribed, unsubscribe, unsub, opted out, opted-out, opted_out, "
    "opt-out, optout, not subscribed, not_subscribed, abgemeldet, abbestellt, ausgetragen, "
    "désabonné, désinscrit, desabonne, desinscrit, dado de baja, de baja, desuscrito, disiscritto, "
    "descadastrado, afgemeld, uitgeschreven, 已退订, 退订, 取消订阅, 已取消订阅, 未订阅",
    Standing.MANUAL: "blocklisted, blacklisted, do not mail, do not email, do not contact, "
    "never mail, 黑名单",
    Standing.SOFT_BOUNCE: "soft bounced, soft_bounced, soft bounce, soft_bounce, soft-bounced, "
    "softbounce",
    Standing.HARD_BOUNCE: "bounced, hard bounced, hard_bounced, hard bounce, hard_bounce, "
    "hard-bounced, hardbounce, undeliverable, unzustellbar, 退信, 已退信",
    Standing.COMPLAINT: "complained, marked as spam, marked_as_spam, spam complaint, "
    "spam_complaint, reported as spam, reported spam, 投诉, 已投诉",
}
# Words that say somebody's standing in a column about that.
_OF_A_STATUS = {
    Standing.CONFIRMED: "confirmed, subscribed, active, enabled, opted in, opted-in, opted_in, "
    "opt-in, optin, verified, angemeldet, abonniert, bestätigt, aktiv, abonné, inscrit, confirmé, "
    "suscrito, confirmado, activo, iscritto, 已订阅, 已确认, 正常",
    Standing.PENDING: "pending, awaiting confirmation, waiting, requested, invited, ausstehend, "
    "en attente, pendiente",
    Standing.UNSUBSCRIBED: "left, removed, inactive, cancelled, canceled, deleted, archived, "
    "gekündigt, inaktiv, inactif, baja, inactivo, cancelado",
    Standing.MANUAL: "blocked, banned, disabled, suppressed, manual, gesperrt, bloqué, bloqueado",
    Standing.HARD_BOUNCE: "bounce, cleaned, invalid",
    Standing.COMPLAINT: "complaint, spam, abuse, junk",
}


def _table(*parts: Mapping[Standing, str]) -> dict[str, Standing]:
    return {
        word: standing for part in parts for standing, text in part.items() for word in _words(text)
    }


def _as_written(words: Iterable[str]) -> frozenset[str]:
    """Words in capitals or not, and with the trailing space of fixed-width columns."""
    forms = (
        form for word in words for form in (word, word.capitalize(), word.title(), word.upper())
    )
    return frozenset(text for form in forms for text in (form, f"{form} "))


PLAIN: Words = _table(_PLAIN)
COMMON: Words = {
    **_table(_PLAIN, _OF_A_STATUS),
    **dict.fromkeys(YES - {"x", "✓", "✔"}, Standing.CONFIRMED),
    **dict.fromkeys(NO - {"never"}, Standing.UNSUBSCRIBED),
}
PLAIN_AS_WRITTEN = _as_written(PLAIN)

_NOT = r"(not|non|never|nicht|niet|pas|no[ _-]longer|no(?=[ _-]))[ _-]?(yet[ _-]?)?"
# The sense of a column by its name; the first match counts. `unsubscribed` contains `subscribed`,
# so those that say no come first.
NAMES: Mapping[Standing, tuple[str, ...]] = {
    Standing.PENDING: (
        rf"({_NOT}|un)(confirm|verif|activat|validat|best(ä|ae)tigt)",
        r"sin[ _-]?confirm",
        r"未确认|待确认",
    ),
    Standing.COMPLAINT: (r"complain|spam|abuse", r"beschwerde|plainte|queja|投诉"),
    Standing.SOFT_BOUNCE: (r"soft.?bounce",),
    Standing.HARD_BOUNCE: (r"bounce|cleaned|clean_time|undeliver", r"unzustell|rebot|退信"),
    Standing.MANUAL: (
        r"block(?!chain)|black.?list|banned|suppress",
        r"gesperrt|bloqu|黑名单",
    ),
    Standing.UNSUBSCRIBED: (
        rf"unsub|{_NOT}(subscri|activ|opt|abonn|inscri|suscri|iscri|angemeld)",
        r"opt(ed)?[ _-]?out|disabled|(in|de)activ|do[ _-]?not|\bdn[cm]\b|no[ _-]?e?mails?\b",
        r"cancel|revoke|withdr[ae]w|objection",
        r"^(is[ _-]?)?(left|deleted|removed|archived)([ _-]?(at|on|date|time))?$",
        r"abgemeld|abmeld|abbestell|ausgetragen|gek(ü|ue)ndigt|widerruf|widerspr",
        r"d[ée]s(abonn|inscri)|desuscri|\bbaja\b|disiscri|descadastr|afgemeld|uitgeschreven",
        r"退订|取消订阅|[未不]订阅|拒收",
    ),
    Standing.CONFIRMED: (
        r"subscribed|confirmed|verified|validated|opt(ed)?[ _-]?in(?![a-z])|consent",
        r"(?<!inter)active(?![a-z])|enabled|accepts|permission",
        r"^(wants?|receives?|gets?|allows?)[ _-]?(e?mails?|newsletters?|marketing)$",
        r"^(is[ _-]?)?(e?mail[ _-])?(subscribe|subscriber|subscription)$",
        r"^(e?mail[ _-])?(newsletters?|marketing|mailings?)$",
        r"angemeldet|abonn|einwilligung|best(ä|ae)tigt|inscrit|suscri|iscritt",
        r"(订阅|确认)(时间|日期)?$",
    ),
}

# What the name of a file says about its people, as in the exports of Sendy:
# `list-marked-as-spam.csv`.
FILE_NAMES: Mapping[str, Standing] = {
    rf"(?<![a-z])({words})(?![a-z])": standing
    for words, standing in (
        ("unconfirmed|unverified|pending|(non|not|never)[ _-]?subscribed", Standing.PENDING),
        (
            "unsubs?|unsubscribe(d|r|rs|s)|opt(ed)?[ _-]?outs?|abgemeldet|退订",
            Standing.UNSUBSCRIBED,
        ),
        ("complain(ts?|ed)|spam", Standing.COMPLAINT),
        ("(hard[ _-]?)?bounce(d|s)?|cleaned|undeliverable", Standing.HARD_BOUNCE),
        ("suppress(ed|ions?)|block(ed|list|listed)|blacklist(ed)?", Standing.MANUAL),
    )
}
