"""Languages of readers: which way they are written, and what a tag such as `zh-Hant-HK` means.

tags     a tag -> the tags whose words serve it, and its direction
"""

from newsletter.languages.tags import direction, forms

__all__ = ["direction", "forms"]
