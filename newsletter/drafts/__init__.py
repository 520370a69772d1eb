"""Drafts from elsewhere: entries of feeds, and archives of other systems, as issues of this one.

escaping   text -> Markdown that reads as the same text
markup     blocks -> Markdown; elements: the same as HTML, where Markdown has no words for it
converting HTML -> Markdown, which is read back and compared
"""
