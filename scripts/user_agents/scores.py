"""Shares of each corpus that an engine takes for bots, and the targets they must meet."""

from . import engines

SETTINGS = {"trackgate sure": engines.SURE, "trackgate strict": engines.STRICT}
# Percent: at least for bots and libraries, at most for people and apps. They are set for the files of corpora.FILES.
TARGETS = [
    ("trackgate sure", "bots_dev.txt", ">=", 93.0),
    ("trackgate sure", "libs_dev.txt", ">=", 100.0),
    ("trackgate sure", "humans_dev.txt", "<=", 0.10),
    ("trackgate sure", "apps_dev.txt", "<=", 2.0),
    ("trackgate strict", "bots_dev.txt", ">=", 98.5),
    ("trackgate strict", "humans_dev.txt", "<=", 0.14),
]


def own(corpora):
    """{setting: {(corpus, kind): share}} of trackgate's two settings."""
    found = {setting: {} for setting in SETTINGS}
    for corpus in corpora:
        classes = engines.classes(corpus.values)
        for setting, flagged in SETTINGS.items():
            found[setting][corpus.name, corpus.kind] = share(name in flagged for name in classes)
    return found


def of_others(corpora):
    """The same of the libraries compared with."""
    return {
        name: {(corpus.name, corpus.kind): share(verdicts(corpus.values)) for corpus in corpora}
        for name, verdicts in engines.others().items()
    }


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


def missed(scores):
    """The targets that the scores miss, as text; those without their corpus are left out."""
    texts = []
    for setting, corpus, sign, limit in TARGETS:
        for (name, kind), found in scores[setting].items():
            if name == corpus and (found < limit if sign == ">=" else found > limit):
                texts.append(f"{setting}, {kind}: expected {sign} {limit} %, found {found:.3f} %")
    return texts


def worse(before, after):
    """Where `after` flags fewer bots or more people than `before`, as text."""
    texts = []
    for setting, shares in after.items():
        for key, now in shares.items():
            then = before[setting][key]
            if (now < then) if key[1] in ("bots", "libraries") else (now > then):
                texts.append(f"{setting}, {key[0]}, {key[1]}: {then:.3f} % before, {now:.3f} % after")
    return texts
