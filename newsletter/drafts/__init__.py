"""Drafts from elsewhere: entries of feeds, and archives of other systems, as issues of this one.

escaping   text -> Markdown that reads as the same text
markup     blocks -> Markdown; elements: the same as HTML, where Markdown has no words for it
converting HTML -> Markdown, which is read back and compared
feeds      RSS, Atom, JSON Feed -> entries, with fetching; known: what issues have already
drafting   entries -> a draft
archives   a folder or zip file, read in place; systems: the posts in it
resolving  the pictures of a post; notes: its footnotes
adopting   posts -> issues, all or none; reporting: what was changed
"""
