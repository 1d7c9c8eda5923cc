"""Upstream expressions -> entries of our lists."""

import re
import sys
from dataclasses import replace

from . import carry, lists, sources

LICENCES = {"isbot": "Unlicense", "crawler-user-agents": "MIT", "crawlerdetect": "MIT"}
# A name of fewer letters may be part of a person's device or app: it counts only where neither speaks.
# A name of no more letters may be the start of another word (`webmon` of WebMoney Advisor).
LETTERS_OF_A_WORD = 8
LETTERS_IN_BROWSERS = {"crawler-user-agents": 6, "crawlerdetect": 9}
NAME, WORDED, WORD = "crawler", "worded_crawler", "crawler_word"
SCOPES = ["everywhere", "any", "named", "tool"]
WHO = {"isbot": "a word of isbot's list", "crawlerdetect": "a name of CrawlerDetect's list"}


def upstream():
    """[(source, expression, kind, who)] of all sources."""
    found = [("isbot", regex, "crawler", WHO["isbot"]) for regex in sources.isbot()]
    for entry in sources.crawler_user_agents():
        tags = entry.get("tags", [])
        kind = "http_library" if "http-library" in tags else "headless" if "browser-automation" in tags else "crawler"
        who = ", ".join([re.sub(r"^https?://(www\.)?", "", entry.get("url", "")).split("/")[0], *tags])
        found.append(("crawler-user-agents", entry["pattern"], kind, who.strip(", ") or "unknown"))
    return found + [("crawlerdetect", regex, "crawler", WHO["crawlerdetect"]) for regex in sources.crawlerdetect()]


def imported():
    """{source: [Entry]}. Ends the program, naming every upstream expression that waits for a decision."""
    reviews, waiting, entries = lists.reviewed(), [], []
    found = upstream()
    for source, regex, kind, who in found:
        decisions = reviews.pop((source, regex), None)
        if decisions is not None:
            entries += [(source, lists.Entry(r.pattern, who, r.scope, r.kind or kind)) for r in decisions if r.pattern]
        elif source == "isbot":
            waiting.append(f"{source}\t{regex}: its words are general; say where it counts")
        else:
            try:
                entries += [(source, automatic(source, pattern, who, kind)) for pattern in carry.patterns(regex)]
            except carry.CannotCarry as error:
                waiting.append(f"{source}\t{regex}: {error}")
    waiting += [f"{source}\t{regex}: no longer upstream" for source, regex in reviews]
    if waiting:
        sys.exit("\n".join([f"{lists.REVIEWED.relative_to(sources.ROOT)} needs a decision on:", *waiting]))
    kept = pruned(entries)
    return {source: [entry for origin, entry in kept if origin == source] for source in lists.IMPORTED}


def automatic(source, pattern, who, kind):
    """A name counts from the edge of a word on, a short one up to the next edge, the shortest only in tools."""
    anchored = pattern.startswith("^")
    scope = "any" if anchored or carry.letters(pattern) >= LETTERS_IN_BROWSERS[source] else "tool"
    edge = "<" if pattern[0].isalnum() else ""
    may_go_on = anchored or carry.letters(pattern) > LETTERS_OF_A_WORD or not carry.ends_with_word(pattern)
    after = "" if may_go_on else ">"
    return lists.Entry(f"{edge}{pattern}{after}", who, scope, kind)


def pruned(entries):
    """Without what a list of our own, or a shorter entry, matches anyway; a name is not covered by a mere word."""
    kept, known = [], lists.written_by_hand()
    words = [(scope, expression) for kind, scope, expression in known if kind == WORD]
    words += [(entry.scope, re.compile(carry.to_regex(entry.pattern), re.I)) for _, entry in entries if entry.kind == WORD]
    for source, entry in sorted(entries, key=lambda pair: (len(pair[1].pattern), pair[1].pattern, SCOPES.index(pair[1].scope))):
        text = probe(entry.pattern)
        rivals = [(scope, expression) for kind, scope, expression in known if entry.kind == WORD or kind != WORD]
        if not covered(entry, text, rivals):
            if entry.kind == NAME and covered(entry, text, words):
                entry = replace(entry, kind=WORDED)
            kept.append((source, entry))
            known.append((entry.kind, entry.scope, re.compile(carry.to_regex(entry.pattern), re.I)))
    return kept


def covered(entry, text, rivals):
    return any(covers(scope, entry.scope) and expression.search(text) for scope, expression in rivals)


def covers(scope, other):
    return SCOPES.index(scope) <= SCOPES.index(other)


def probe(pattern):
    """A text that the pattern matches as a word of its own; a version follows a slash."""
    text = re.sub(r"\\d", "0", pattern.replace("\\s", " "))
    text = re.sub(r"\[\^[^]]*\]", "\1", text)
    text = re.sub(r"\[(.)[^]]*\]", r"\1", text)
    text = re.sub(r"\\(.)", r"\1", text)
    start, end = text.startswith("^"), text.endswith("$")
    text = text.strip("^$<>?")
    return ("" if start else " ") + text + ("" if end else "1 " if text.endswith("/") else " ")
