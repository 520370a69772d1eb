"""Who keeps the mailboxes of an address: bounces and complaints of a send differ by that."""

# The domains by which each of the big ones is known, and beginnings such as `yahoo.` of `yahoo.fr`.
_DOMAINS = {
    "Gmail": ("gmail.com", "googlemail.com"),
    "Microsoft": ("outlook.", "hotmail.", "live.", "msn.com", "passport.com"),
    "Yahoo": ("yahoo.", "ymail.com", "rocketmail.com", "aol.com", "aim.com", "verizon.net"),
    "Apple": ("icloud.com", "me.com", "mac.com"),
    "QQ": ("qq.com", "foxmail.com", "vip.qq.com"),
    "NetEase": ("163.com", "126.com", "yeah.net", "188.com", "vip.163.com", "vip.126.com"),
    "Sina": ("sina.com", "sina.cn", "sina.com.cn", "vip.sina.com"),
    "Sohu": ("sohu.com", "vip.sohu.com"),
    "Aliyun": ("aliyun.com",),
    "139": ("139.com", "189.cn", "wo.cn"),
    "Proton": ("proton.me", "protonmail.com", "protonmail.ch", "pm.me"),
    "Yandex": ("yandex.", "ya.ru"),
    "Mail.ru": ("mail.ru", "bk.ru", "inbox.ru", "list.ru"),
    "GMX": ("gmx.", "web.de", "mail.com"),
    "T-Online": ("t-online.de",),
    "Orange": ("orange.fr", "wanadoo.fr"),
    "Free": ("free.fr",),
    "Comcast": ("comcast.net",),
    "Naver": ("naver.com",),
    "Zoho": ("zoho.com", "zohomail.com"),
}
_WHOLE = {name: keeper for keeper, names in _DOMAINS.items() for name in names if name[-1] != "."}
_BEGINNINGS = {
    name: keeper for keeper, names in _DOMAINS.items() for name in names if name[-1] == "."
}


def keeper_of(address: str) -> str:
    """The name of who keeps the mailbox of an address in lower case: one of the big ones by its
    name, else its domain; empty for what is no address.

    A domain of its own may be kept by one of them as well, which only its DNS would tell.
    """
    domain = address.rpartition("@")[2] if "@" in address else ""
    beginning = "".join(domain.partition(".")[:2])
    return _WHOLE.get(domain) or _BEGINNINGS.get(beginning) or domain
