"""How much a YAML text may hold."""

import yaml

_MAX_ALIASES = 10
_MAX_DEPTH = 20


def out_of_bounds(source: str) -> tuple[str, int, str] | None:
    """The fault of a YAML text that would exhaust its readers, if it is one: rule, line, message.

    Reads event by event: building a tree takes a stack as deep as the text is nested. Raises
    yaml.YAMLError.
    """
    aliases = depth = 0
    for event in yaml.parse(source, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            aliases += 1
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        line = event.start_mark.line + 1 if event.start_mark else 1
        if aliases > _MAX_ALIASES:
            return "front-matter-aliases", line, f"more than {_MAX_ALIASES} YAML aliases"
        if depth > _MAX_DEPTH:
            return "front-matter-invalid", line, f"nested deeper than {_MAX_DEPTH} levels"
    return None
