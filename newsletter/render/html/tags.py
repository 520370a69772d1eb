"""Pieces of HTML that many blocks are made of."""


def box(name: str, content: str) -> str:
    """Content in a cell of the class `name`: Outlook only knows padding in cells."""
    return (
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" class="box">'
        f'<tr><td class="{name}">{content}</td></tr></table>'
    )


def place(name: str, text: str = "", href: str = "", class_name: str = "") -> str:
    """An anchor for links: Outlook looks for its name, others for its id."""
    attributes = f' href="{href}" class="{class_name}"' if href else ""
    return f'<a id="{name}" name="{name}"{attributes}>{text}</a>'


def place_of(number: int, occurrence: int) -> str:
    """Where the text refers to a note."""
    return f"ref-{number}" if occurrence == 1 else f"ref-{number}-{occurrence}"
