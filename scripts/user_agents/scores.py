"""Shares of each corpus that an engine takes for bots, and the targets they must meet."""

from . import engines

SETTINGS = {"trackgate sure": engines.SURE, "trackgate strict": engines.STRICT}
# The vendors that have a rule for User-Agents, and the library that stands for what the vendor itself does.
REFEREES = {"plausible": "device-detector", "convert": "isbot"}
# Percent: at least for bots and libraries, at most for people and apps. They are set for the files of corpora.FILES.
TARGETS = [
    ("trackgate sure", "bots_dev.txt", ">=", 97.0),
    ("trackgate sure", "libs_dev.txt", ">=", 100.0),
    ("trackgate sure", "humans_dev.txt", "<=", 0.10),
    ("trackgate sure", "apps_dev.txt", "<=", 2.0),
    ("trackgate strict", "bots_dev.txt", ">=", 98.5),
    ("trackgate strict", "humans_dev.txt", "<=", 0.14),
    ("plausible drops", "bots_dev.txt", ">=", 78.0),
    ("convert drops", "bots_dev.txt", ">=", 85.0),
    ("convert drops", "libs_dev.txt", ">=", 100.0),
    ("plausible drops, device-detector does not", "humans_dev.txt", "<=", 0.0),
    ("plausible drops, device-detector does not", "apps_dev.txt", "<=", 0.2),
    ("convert drops, isbot does not", "humans_dev.txt", "<=", 0.0),
    ("convert drops, isbot does not", "apps_dev.txt", "<=", 0.2),
]


def own(corpora, verdicts):
    """{setting: {(corpus, kind): share}} of trackgate; `verdicts` are the libraries' (`of_others`)."""
    found = {}
    for corpus in corpora:
        key = corpus.name, corpus.kind
        classes = engines.classes(corpus.values)
        for setting, flagged in SETTINGS.items():
            found.setdefault(setting, {})[key] = share(name in flagged for name in classes)
        for vendor, referee in REFEREES.items():
            pairs = list(zip(engines.dropped(corpus.values, vendor), verdicts[referee][key]))
            found.setdefault(f"{vendor} drops", {})[key] = share(ours for ours, _ in pairs)
            found.setdefault(f"{vendor} drops, {referee} does not", {})[key] = share(ours and not theirs for ours, theirs in pairs)
            found.setdefault(f"{vendor} passes, {referee} drops", {})[key] = share(theirs and not ours for ours, theirs in pairs)
    return found


def of_others(corpora):
    """{library: {(corpus, kind): [verdict]}} of the libraries compared with."""
    return {
        name: {(corpus.name, corpus.kind): verdicts(corpus.values) for corpus in corpora}
        for name, verdicts in engines.others().items()
    }


def shares_of(verdicts):
    """The same as shares."""
    return {name: {key: share(found) for key, found in of.items()} for name, of in verdicts.items()}


def share(verdicts):
    verdicts = list(verdicts)
    return 100 * sum(verdicts) / len(verdicts)


def table(corpora, scores):
    """The scores as text: one corpus a line, one engine a column."""
    rows = [["corpus", "kind", "values", *scores]]
    for corpus in corpora:
        shares = [f"{found[corpus.name, corpus.kind]:.3f}" for found in scores.values()]
        rows.append([corpus.name, corpus.kind, f"{len(corpus.values):,}", *shares])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) if column < 2 else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths))) for row in rows)


def readme(corpora, scores):
    """README's table: of the corpora that everybody can install."""
    columns = {
        "dropped at Plausible": "plausible drops",
        "of these, device-detector says no bot": "plausible drops, device-detector does not",
        "dropped at Convert": "convert drops",
        "of these, isbot says no bot": "convert drops, isbot does not",
        "and suspected": "trackgate strict",
    }
    lines = ["| corpus | values | " + " | ".join(columns) + " |", "|---|---|" + "---|" * len(columns)]
    for corpus in corpora:
        if not corpus.name.endswith(".txt"):
            shares = [f"{scores[column][corpus.name, corpus.kind]:.2f}" for column in columns.values()]
            lines.append(f"| {corpus.kind}, {corpus.name} | {len(corpus.values):,} | " + " | ".join(shares) + " |")
    return "\n".join(lines)


def missed(scores):
    """The targets that the scores miss, as text; those without their corpus are left out."""
    texts = []
    for setting, corpus, sign, limit in TARGETS:
        for (name, kind), found in scores[setting].items():
            if name == corpus and (found < limit if sign == ">=" else found > limit):
                texts.append(f"{setting}, {kind}: expected {sign} {limit} %, found {found:.3f} %")
    return texts


def worse(before, after):
    """Where `after` flags fewer bots or more people than `before`, as text. Where trackgate and a referee differ on bots,
    or trackgate passes what the referee drops, neither is said to be right."""
    texts = []
    for setting, shares in after.items():
        for key, now in shares.items():
            then, wanted = before[setting][key], key[1] in ("bots", "libraries")
            if is_comparison(setting) and (wanted or setting.endswith(" drops")):
                continue
            if (now < then) if wanted else (now > then):
                texts.append(f"{setting}, {key[0]}, {key[1]}: {then:.3f} % before, {now:.3f} % after")
    return texts


def is_comparison(setting):
    """Whether the score sets trackgate beside a referee."""
    return ", " in setting
