"""Carries an upstream regular expression over into the pattern language of data/user_agents (no repetition)."""

import re
import re._parser as sre
from re import _constants as c

MAX_SEQUENCES = 12
SPECIAL = set("^$<>[]?\\#@")


class CannotCarry(Exception):
    """The expression needs what the pattern language does not have."""


def patterns(regex):
    """The patterns that together match what `regex` matches, in any letter case. Raises CannotCarry."""
    try:
        tree = sre.parse(regex)
    except re.error as error:
        raise CannotCarry(f"not an expression: {error}") from error
    sequences = dict.fromkeys(spaced(trimmed(sequence).lower()) for sequence in expand(tree))
    if not all(letters(sequence) >= 2 for sequence in sequences):
        raise CannotCarry("what is left is too short")
    return list(sequences)


def ends_with_word(pattern):
    return pattern[-1].isalnum() and pattern[-2:] not in ("\\s", "\\d")


def letters(pattern):
    return len(re.sub(r"\[[^]]*\]|\\[ds]|[^0-9A-Za-z]", "", pattern))


def spaced(sequence):
    """A space inside stands for itself; at an end it would be lost."""
    inner = sequence.replace("\\s", " ")
    start = "\\s" if inner.startswith(" ") else ""
    end = "\\s" if inner.endswith(" ") else ""
    return start + inner.strip(" ") + end


def trimmed(sequence):
    """A repetition at either end adds nothing to an unanchored pattern."""
    sequence = sequence.strip("\0")
    if "\0" in sequence:
        raise CannotCarry("a repetition inside the expression")
    return sequence


def expand(tree):
    sequences = [""]
    for operator, argument in tree:
        if (operator, argument) == (c.AT, c.AT_BOUNDARY):
            tails = [">" if sequences != [""] else "<"]
        else:
            tails = atom(operator, argument)
        sequences = [head + tail for head in sequences for tail in tails]
        if len(sequences) > MAX_SEQUENCES:
            raise CannotCarry(f"more than {MAX_SEQUENCES} alternatives")
    return sequences


def atom(operator, argument):
    if operator is c.LITERAL:
        return [literal(argument)]
    if operator is c.NOT_LITERAL:
        return [f"[^{one_of([(c.LITERAL, argument)])[1:]}"]
    if operator is c.AT:
        return [position(argument)]
    if operator is c.IN:
        return [one_of(argument)]
    if operator is c.BRANCH:
        return [sequence for branch in argument[1] for sequence in expand(branch)]
    if operator is c.SUBPATTERN:
        return expand(argument[3])
    if operator in (c.MAX_REPEAT, c.MIN_REPEAT):
        return repeated(*argument)
    if operator is c.ANY:
        return ["[^\\#]"]
    raise CannotCarry(f"{operator}".lower())


def repeated(least, most, tree):
    bodies = expand(tree)
    if (least, most) == (0, 1):
        return ["", *bodies]
    if least in (0, 1):
        return [body * least + "\0" for body in bodies]
    raise CannotCarry("a counted repetition")


def literal(code):
    if not 0x20 <= code < 0x7F:
        raise CannotCarry("not printable ASCII")
    sign = chr(code)
    if sign == " ":
        return "\\s"
    return "\\" + sign if sign in SPECIAL else sign


def position(where):
    if where in (c.AT_BEGINNING, c.AT_BEGINNING_STRING):
        return "^"
    if where in (c.AT_END, c.AT_END_STRING):
        return "$"
    raise CannotCarry(f"{where}".lower())


def one_of(items):
    if all(kind is c.LITERAL for kind, _ in items) and len({chr(code).lower() for _, code in items}) == 1:
        return literal(items[0][1])
    text = ""
    for kind, value in items:
        if kind is c.NEGATE:
            text += "^"
        elif kind is c.LITERAL:
            text += literal(value).replace("]", "\\]").replace("-", "\\-")
        elif kind is c.RANGE:
            text += f"{chr(value[0])}-{chr(value[1])}"
        elif kind is c.CATEGORY and value is c.CATEGORY_DIGIT:
            text += "\\d"
        elif kind is c.CATEGORY and value is c.CATEGORY_SPACE:
            text += "\\s"
        else:
            raise CannotCarry(f"{kind} in a set".lower())
    return text if text in ("\\d", "\\s") else f"[{text}]"


def to_regex(pattern):
    """The pattern as a Python expression (for coverage tests; ignore the letter case)."""
    out, index = "", 0
    while index < len(pattern):
        sign = pattern[index]
        if sign == "\\":
            index += 1
            escaped = pattern[index]
            out += {"d": r"\d", "s": " "}.get(escaped, re.escape(escaped))
        elif sign == "[":
            end = pattern.index("]", index + 2 if pattern[index + 1] != "^" else index + 3)
            out += pattern[index:end + 1]
            index = end
        elif sign in "<>":
            out += r"(?:^|[^0-9A-Za-z_])" if sign == "<" else r"(?:$|[^0-9A-Za-z_])"
        elif sign in "^$?":
            out += sign
        else:
            out += re.escape(sign)
        index += 1
    return out
