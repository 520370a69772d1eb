"""Texts of links that do not say where the link leads, in the languages that have words."""

import re

_HERE = {
    "en": "here|click here|right here|this|this link|link|the link",
    "ar": "هنا|من هنا|اضغط هنا|انقر هنا|اضغطوا هنا|بالضغط هنا|هذا|رابط|الرابط|هذا الرابط",
    "de": "hier|hier klicken|klick hier|klicke hier|klicken sie hier|"
    "da|dies|link|der link|dieser link",
    "es": "aquí|aqui|haz clic aquí|clic aquí|pincha aquí|por aquí|esto|este enlace|enlace|link",
    "fr": "ici|par ici|cliquez ici|clique ici|cliquer ici|là|ceci|ce lien|lien|le lien",
    "he": "כאן|פה|לחצו כאן|לחץ כאן|לחצי כאן|הקליקו כאן|זה|קישור|הקישור|לינק",
    "it": "qui|qua|clicca qui|cliccare qui|clicca|questo|questo link|link|il link",
    "ja": "こちら|コチラ|ここ|こちらから|ここから|"
    "ここをクリック|こちらをクリック|これ|リンク|このリンク",
    "ko": "여기|여기서|여기를 클릭|여기를 클릭하세요|여기 클릭|이곳|이것|링크|이 링크",
    "nl": "hier|klik hier|klik|dit|deze link|link|de link",
    "pl": "tutaj|tu|kliknij tutaj|kliknij tu|kliknij|to|ten link|link|pod tym linkiem",
    "pt": "aqui|clique aqui|clica aqui|por aqui|isto|isso|este link|link|o link|ligação",
    "ru": "здесь|тут|сюда|нажмите здесь|жмите сюда|кликните здесь|это|ссылка|по ссылке|эта ссылка",
    "tr": "burada|burda|buradan|burdan|buraya|burası|"
    "tıklayın|tıkla|buraya tıklayın|bu|link|bağlantı|bu bağlantı",
    "uk": "тут|сюди|звідси|натисніть тут|клацніть тут|це|посилання|за посиланням|це посилання",
    "zh-CN": "这里|这儿|此处|点击这里|点这里|点击此处|点此|戳这里|请点击这里|链接|此链接|这个链接",
    "zh-TW": "這裡|這裏|此處|點擊這裡|點這裡|點選這裡|點擊此處|點此|請點這裡|連結|鏈接|這個連結",
}
_MORE = {
    "en": "more|read more|see more|learn more|find out more|continue reading|read on|full story",
    "ar": "المزيد|اقرأ المزيد|اقرأ أكثر|لمعرفة المزيد|للمزيد|تابع القراءة",
    "de": "mehr|weiterlesen|mehr lesen|mehr erfahren|weitere infos|mehr dazu",
    "es": "más|leer más|ver más|saber más|más información|seguir leyendo",
    "fr": "plus|lire plus|en savoir plus|lire la suite|voir plus|la suite",
    "he": "עוד|קרא עוד|קראו עוד|למידע נוסף|המשך קריאה|לקריאה נוספת",
    "it": "leggi|leggi di più|scopri di più|di più|continua a leggere|leggi tutto|"
    "per saperne di più",
    "ja": "もっと見る|続きを読む|詳細|詳細はこちら|詳しくはこちら|もっと読む",
    "ko": "더 보기|더보기|더 읽기|자세히 보기|자세히|계속 읽기",
    "nl": "meer|lees meer|meer lezen|lees verder|meer informatie|verder lezen",
    "pl": "więcej|czytaj więcej|dowiedz się więcej|czytaj dalej|zobacz więcej",
    "pt": "mais|leia mais|ler mais|saiba mais|ver mais|saber mais|continue lendo|continuar a ler",
    "ru": "подробнее|читать далее|читать дальше|узнать больше|ещё|далее|читать",
    "tr": "devamı|devamını oku|daha fazla|daha fazla bilgi|daha fazlası|detaylar",
    "uk": "докладніше|детальніше|читати далі|дізнатися більше|більше|ще|далі",
    "zh-CN": "更多|阅读更多|了解更多|查看更多|详情|查看详情|阅读全文|继续阅读|阅读原文|原文",
    "zh-TW": "更多|閱讀更多|了解更多|瞭解更多|查看更多|詳情|查看詳情|閱讀全文|繼續閱讀|"
    "閱讀原文|原文",
}
_AROUND = re.compile(r"^[\W_]+|[\W_]+$")  # arrows, quotes and full stops


def is_vague(text: str) -> bool:
    """Whether the text of a link says nothing by itself, in whatever language."""
    return _plain(_AROUND.sub("", " ".join(text.split()))) in _VAGUE


def _plain(text: str) -> str:
    """Lower case, with every i alike: Turkish has two, each with its capital."""
    return text.casefold().replace("\u0307", "").replace("ı", "i")


_VAGUE = {_plain(word) for words in (*_HERE.values(), *_MORE.values()) for word in words.split("|")}
