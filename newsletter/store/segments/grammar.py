"""The grammar of segments, and what an error calls its parts."""

from functools import cache

from lark import Lark

STRING = r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|“[^”]*”"""
_WORDS = """and or not contains starts ends with in is set on list joined after before since within
days? ever never at least most times? opened clicked delivered paused attribute""".split()
_GRAMMAR = r"""
start: any
?any: all (_OR all)*
?all: negated (_AND negated)*
?negated: _NOT negated -> negation
    | "(" any ")"
    | test
?test: subject COMPARISON value                               -> compare
    | subject _CONTAINS STRING                                -> contains
    | subject _STARTS _WITH STRING                            -> starts_with
    | subject _ENDS _WITH STRING                              -> ends_with
    | subject _IN "(" value ("," value)* ")"                  -> one_of
    | subject _NOT _IN "(" value ("," value)* ")"             -> none_of
    | subject _IS _SET                                        -> is_set
    | subject _IS _NOT _SET                                   -> is_not_set
    | _ON _LIST (STRING | NAME)                               -> on_list
    | _JOINED _ON DATE                                        -> joined_on
    | _JOINED _AFTER DATE                                     -> joined_after
    | _JOINED _BEFORE DATE                                    -> joined_before
    | _JOINED _SINCE DATE                                     -> joined_since
    | _JOINED _WITHIN INTEGER _DAYS                           -> joined_within
    | event _EVER                                             -> ever
    | event _NEVER                                            -> never
    | event _WITHIN INTEGER _DAYS                             -> within
    | event _AT _LEAST INTEGER _TIMES [_WITHIN INTEGER _DAYS] -> at_least
    | event _AT _MOST INTEGER _TIMES [_WITHIN INTEGER _DAYS]  -> at_most
    | _PAUSED                                                 -> paused
!event: _OPENED | _CLICKED | _DELIVERED
!subject: NAME | _ATTRIBUTE STRING
!value: STRING | NUMBER | DATE

STRING: /<string>/
DATE.2: /[0-9]{4}-[0-9]{2}-[0-9]{2}(?![\w.-])/
NUMBER: /-?[0-9]+(?:\.[0-9]+)?(?![\w.])/
INTEGER: /[0-9]+(?![\w.])/
COMPARISON: /!=|<=|>=|=|<|>/
NAME: /[^\W\d][\w-]*/
%ignore /\s+|#[^\n]*/
"""
# What errors call the terminals that are not words of the language.
NAMES = {
    "NAME": "the name of an attribute",
    "COMPARISON": "= != < <= > >=",
    "STRING": 'a text in quotes, such as "Berlin"',
    "NUMBER": "a number",
    "INTEGER": "a whole number",
    "DATE": "a date, such as 2026-01-31",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": "a comma",
    "$END": "the end",
}
PLAIN_WORDS = frozenset(word.strip("?") for word in _WORDS)


@cache
def parser() -> Lark:
    # A word ends where its letters do, and comes before a name of the same letters.
    words = [f"_{word.strip('?').upper()}.2: /{word}(?![\\w-])/i" for word in _WORDS]
    grammar = _GRAMMAR.replace("<string>", STRING)
    return Lark("\n".join([grammar, *words]), parser="lalr")
