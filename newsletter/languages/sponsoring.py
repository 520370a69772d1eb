"""What sponsored blocks are called, in the languages that have words here.

Words that announce other things too are left out: `anuncio`, `annonce`, `partner`.
"""

import unicodedata

_WORDS = {
    "en": "sponsor|sponsors|sponsored|sponsorship|sponsored content|paid content|"
    "ad|ads|advert|advertisement|advertising|advertorial",
    "ar": "برعاية|الراعي|إعلان ممول|اعلان ممول|محتوى ممول|ممول",
    "de": "anzeige|anzeigen|werbung|reklame|gesponsert|sponsoren|werbeanzeige",
    "es": "patrocinio|patrocinador|patrocinado|contenido patrocinado|publicidad",
    "fr": "partenaire|partenaires|publicité|publicite|pub|sponsorisé|parrainage|contenu sponsorisé",
    "he": "בחסות|חסות|פרסומת|תוכן ממומן|ממומן",
    "it": "sponsorizzato|contenuto sponsorizzato|pubblicità|pubblicita",
    "ja": "スポンサー|広告|協賛|提供",
    "ko": "후원|광고|스폰서|협찬",
    "nl": "gesponsord|advertentie|advertenties|reclame",
    "pl": "reklama|sponsorowane|sponsorowany|sponsorzy|materiał sponsorowany|artykuł sponsorowany",
    "pt": "patrocínio|patrocinio|patrocinador|patrocinado|conteúdo patrocinado|publicidade",
    "ru": "партнёр выпуска|партнер выпуска|спонсор|спонсор выпуска|реклама|на правах рекламы",
    "tr": "sponsorlu|sponsorlu içerik|reklam",
    "uk": "партнер випуску|спонсор|спонсор випуску|реклама|на правах реклами",
    "zh-CN": "赞助|赞助商|赞助内容|广告|推广",
    "zh-TW": "贊助|贊助商|贊助內容|廣告|推廣",
}


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


_KNOWN = frozenset(_plain(word) for words in _WORDS.values() for word in words.split("|"))


def is_sponsor(text: str) -> bool:
    """Whether a text says that somebody paid, and nothing else, in whatever language."""
    return _plain(text) in _KNOWN
