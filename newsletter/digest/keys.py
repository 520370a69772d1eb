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
# Keys of other systems, below that of ours which says the same.
FOREIGN = {
    "preheader": ("description", "excerpt"),
    "coverImage": ("image",),
    "date": ("pubDate", "published"),
}
# Known, and nothing else: what they say is kept and not shown.
KEPT = ("subtitle", "author", "authors", *(key for keys in FOREIGN.values() for key in keys))
# Words that an author wrote for people: any sign in them is a part of the text.
PROSE = frozenset(
    {
        *("title", "subject", "preheader", "summary", "category", "tags", "seo"),
        *("subtitle", "author", "authors", "description", "excerpt"),
    }
)
# Words without spaces: a # behind one and before a space plainly begins a comment.
NAMES = frozenset(
    {
        *("slug", "list", "theme", "language", "lang"),
        *("coverImage", "cover_image", "cover", "image"),
    }
)
# A number, a time or `no` (Norwegian) is what it says in all but these.
TYPED = frozenset({"draft", "smart", "lint-ignore", "published"})
