"""The keys of front matter, and which of them hold text."""

KNOWN = (
    "title",
    "date",
    "category",
    "tags",
    "seo",
    "coverImage",
    "cover_image",
    "cover",
    "summary",
    "subject",
    "preheader",
    "language",
    "lang",
    "slug",
    "list",
    "theme",
    "draft",
    "publishDate",
    "lint-ignore",
)
# Words that an author wrote for people: any sign in them is a part of the text.
PROSE = frozenset({"title", "subject", "preheader", "summary", "category", "tags", "seo", "slug"})
# A number, a time or `no` (Norwegian) is what it says in all but these.
TYPED = frozenset({"draft", "lint-ignore"})
