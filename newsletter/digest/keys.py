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
    "smart",
    "publishDate",
    "lint-ignore",
    "subtitle",
    "author",
    "authors",
    "description",
    "excerpt",
    "image",
    "pubDate",
    "published",
)
# Keys of other systems, each below ours of the same meaning.
FOREIGN = {
    "preheader": ("description", "excerpt"),
    "coverImage": ("image",),
    "date": ("pubDate", "published"),
}
# Only known: their values are kept and not shown.
KEPT = ("subtitle", "author", "authors", *(key for keys in FOREIGN.values() for key in keys))
# Texts that an author wrote for people: any sign in them is part of the text.
PROSE = frozenset(
    {
        *("title", "subject", "preheader", "summary", "category", "tags", "seo"),
        *("subtitle", "author", "authors", "description", "excerpt"),
    }
)
# Words without spaces: a # after one and before a space plainly begins a comment.
NAMES = frozenset(
    {
        *("slug", "list", "theme", "language", "lang"),
        *("coverImage", "cover_image", "cover", "image"),
    }
)
# In all but these, a number, a time or `no` (Norwegian) stays the text that it is.
TYPED = frozenset({"draft", "smart", "lint-ignore", "published"})
