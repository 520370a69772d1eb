"""Descriptions of pictures that say nothing: names of files, and what programs write themselves."""

import re

_FILE_NAME = re.compile(
    r"\S+\.(?:png|jpe?g|gif|webp|avif|svg|heic)"
    r"|(?:image|img|dsc|picture|photo|pic|screen ?shot|untitled)[\s_-]*\(?\d*\)?",
    re.IGNORECASE,
)
# Facebook and Instagram, in the languages of their readers.
_BEGINNINGS = (
    *("may be an image", "may be a photo", "may be an illustration", "may be a meme"),
    *("may be a cartoon", "may be a screenshot", "may be a graphic", "may be a closeup"),
    *("may be art", "image may contain", "no photo description available"),
    *("könnte ein bild", "könnte ein foto", "könnte eine illustration", "bild könnte enthalten"),
    *("kein automatischer alternativtext", "kein alternativtext"),
    *("peut être une image", "peut être une illustration", "l’image contient peut-être"),
    *("l'image contient peut-être", "aucune description de photo disponible"),
    *(
        "puede ser una imagen",
        "puede ser una ilustración",
        "la imagen puede contener",
        "no hay ninguna descrip",
    ),
    *("potrebbe essere un'immagine", "potrebbe essere un’immagine"),
    *("pode ser uma imagem", "pode ser uma ilustração", "a imagem pode conter"),
    *("kan een afbeelding zijn", "może być zdjęciem", "może to być zdjęcie", "może być ilustracją"),
    *("на изображении может находиться", "на зображенні може бути", "возможно, это изображение"),
    *("图片可能包含", "圖像裡可能有", "可能是包含下列内容的图片", "可能是包含下列內容的圖像"),
    *("görsel şunu içerebilir", "قد تكون صورة", "ייתכן שזו תמונה"),
)
# Office; and the same services in languages that put the verb last.
_ENDS = (
    *("description automatically generated", "description generated"),
    *("automatisch generierte beschreibung", "ki-generierte inhalte können fehlerhaft sein."),
    *("ai-generated content may be incorrect.", "description générée automatiquement"),
    *("descripción generada automáticamente", "descrizione generata automaticamente"),
    *("descrição gerada automaticamente", "automatisch gegenereerde beschrijving"),
    *("opis wygenerowany automatycznie", "автоматически созданное описание"),
    *("自動的に生成された説明", "描述已自动生成", "自動產生的描述", "자동 생성된 설명"),
    *("の画像のようです", "の画像のようです。", "이미지일 수 있음", "이미지일 수 있음."),
)
_CONFIDENT = re.compile(r"generated with .{1,20} confidence$")
# Of scaffolds and of forms.
_WHOLE = frozenset(
    {
        *("alt", "alt text", "alt-text", "alttext", "alternative text", "alt text here"),
        *("description", "image description", "picture description", "photo description"),
        *("description here", "insert alt text", "featured image", "cover image", "header image"),
        *("hero image", "post image", "blog image", "placeholder", "placeholder image"),
        *("alternativtext", "bildbeschreibung", "beschreibung", "texte alternatif"),
        *("texto alternativo", "testo alternativo", "tekst alternatywny", "alternatieve tekst"),
        *("代替テキスト", "替代文字", "替代文本", "图片描述", "圖片描述", "请输入图片描述"),
        *("在这里插入图片描述", "输入图片说明", "대체 텍스트", "النص البديل", "טקסט חלופי"),
    }
)
_PICTURE = (
    "bild|abbildung|foto|grafik|imagen|immagine|imagem|afbeelding|obraz|zdjęcie|рисунок|фото"
    "|зображення|изображение|resim|görsel|图|圖|图片|圖片|图像|画像|写真|이미지|사진|صورة|תמונה"
)
_SCREENSHOT = (
    r"screen[\s-]?shot|screen capture|bildschirmfoto|bildschirmaufnahme|capture d['’]écran"
    r"|captura de (?:pantalla|ecrã|tela)|schermafbeelding|schermata|zrzut ekranu|снимок экрана"
    r"|знімок екрана|ekran (?:resmi|görüntüsü)|截屏|截图|截圖|屏幕截图|屏幕快照|螢幕截圖"
    r"|スクリーンショット|스크린샷|화면 캡처|لقطة شاشة|צילום מסך"
)
_BY_ITSELF = re.compile(
    rf"(?:{_SCREENSHOT})[\s_-]*(?:(?:from |vom |du )?\d{{4}}[-_.年]?\d{{1,2}}.{{0,40}}|\(?\d*\)?)"
    rf"|(?:{_PICTURE})[\s_-]*\(?\d*\)?|(?:whatsapp|telegram|signal)[\s_-]?\w*[\s_-]+\d.{{0,40}}"
    r"|(?:pasted|clipboard|unnamed|undefined)(?:[\s_-]?(?:image|graphic))?[\s_-]*\d*",
    re.IGNORECASE,
)


def says_nothing(alt: str) -> bool:
    """Whether a description is the name of a file, or was made up by a program."""
    text = " ".join(alt.split())
    lowered = text.lower()
    return (
        lowered in _WHOLE
        or lowered.startswith(_BEGINNINGS)
        or lowered.endswith(_ENDS)
        or bool(_FILE_NAME.fullmatch(text) or _BY_ITSELF.fullmatch(text))
        or bool(_CONFIDENT.search(lowered))
    )
