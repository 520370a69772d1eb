"""Lines that greet the readers: they are part of the letter, even where it has no title."""

import re

_WORDS = (
    "hi|hello|hey|dear|greetings|welcome|good (?:morning|afternoon|evening|day)|happy new year|"
    "hallo|hei|hej|moin|servus|liebe[rs]?|sehr geehrte[rs]?|guten (?:tag|morgen|abend)|"
    "bonjour|bonsoir|salut|ch(?:er|ère)s?|hola|querid[oa]s?|estimad[oa]s?|"
    "buen[oa]s (?:días|tardes)|"
    "ciao|car[ie] (?:lettori|lettrici|amici|tutti|tutte)|gentili|buongiorno|buonasera|"
    "olá|oi|car[oa]s|prezad[oa]s|bom dia|boa (?:tarde|noite)|"
    "beste|lieve|goede(?:morgen|middag|navond)|"
    "cześć|drodzy|szanowni|witam|witajcie|dzień dobry|"
    "привет|здравствуйте|дорогие|уважаемые|добр(?:ый|ое|ого) (?:день|утро|вечер|дня|ранку)|"
    "привіт|вітаю|вітаємо|шановні|merhaba|selam|sevgili|değerli|günaydın|"
    "مرحبا|أهلا|السلام عليكم|أعزائي|صباح الخير|سلام|درود|שלום|היי|בוקר טוב"
)
_UNSPACED = (
    "大家好|各位|你好|您好|亲爱的|親愛的|尊敬的|早上好|早安|晚上好|下午好|嗨|哈[喽囉]|欢迎|歡迎|"
    "こんにちは|こんばんは|おはよう|みなさん|皆さん|皆様|はじめまして|안녕|여러분|구독자"
)
_GREETING = re.compile(rf"[\W_]*(?:(?:{_WORDS})\b|{_UNSPACED})", re.IGNORECASE)


def greets(text: str) -> bool:
    return _GREETING.match(text) is not None
