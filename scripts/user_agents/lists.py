"""Reads and writes the lists of data/user_agents."""

import re
from dataclasses import dataclass

from . import carry
from .sources import ROOT

FOLDER = ROOT / "data" / "user_agents"
REVIEWED = FOLDER / "reviewed.tsv"
KINDS = ("crawler", "worded_crawler", "crawler_word", "headless", "http_library")
IMPORTED = {"isbot": "isbot.txt", "crawler-user-agents": "crawler_user_agents.txt", "crawlerdetect": "crawlerdetect.txt"}


@dataclass
class Entry:
    pattern: str
    who: str
    scope: str
    kind: str


@dataclass
class Review:
    """A decision by hand on one upstream expression: the pattern instead of it (None: left out), the class if it is not
    the one that upstream's own data tell, and why."""

    pattern: str | None
    scope: str
    kind: str | None
    reason: str


def written_by_hand():
    """The patterns of the lists that no program writes, marks aside: (class, scope, expression)."""
    found = []
    for path in sorted(FOLDER.glob("*.txt")):
        if path.name in IMPORTED.values() or path.name == "marks.txt":
            continue
        kind, scope = "", "any"
        for line in path.read_text().splitlines():
            if line.startswith("@scope "):
                scope = line.split()[1]
            elif line.startswith("@class "):
                kind = line.split()[1]
            elif line and not line.startswith("#"):
                found.append((kind, scope, re.compile(carry.to_regex(line.split(" #")[0].rstrip()), re.I)))
    return found


def reviewed():
    """{(source, upstream expression): [Review]}"""
    found = {}
    for number, line in enumerate(REVIEWED.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != 6:
            raise SystemExit(f"{REVIEWED.name}:{number}: expected 6 fields, found {len(fields)}")
        source, upstream, pattern, scope, kind, reason = fields
        review = Review(None if pattern == "-" else pattern, scope, None if kind == "-" else kind, reason)
        found.setdefault((source, upstream), []).append(review)
    return found


def text(source, version, licence, entries):
    """One imported list."""
    lines = [
        f"# Carried over from {source} {version} ({licence}; see NOTICE) by scripts/update-data: do not edit.",
        "# What could not be carried over as it is stands in reviewed.tsv.",
    ]
    for kind in KINDS:
        for scope in ("everywhere", "any", "named", "tool"):
            chosen = sorted({entry.pattern: entry for entry in entries if (entry.kind, entry.scope) == (kind, scope)}.items())
            if chosen:
                lines += ["", f"@class {kind}", f"@scope {scope}"]
                lines += [f"{pattern}   # {entry.who} [{source}]" for pattern, entry in chosen]
    return "\n".join(lines) + "\n"
