"""Documents that cannot drift: tables of keys, commands, links and references are checked.

python tools/documents.py            check; exit 1 names what differs
python tools/documents.py --write    write docs/study.md's tables anew
"""

from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path

from holter.cli.main import app
from holter.rounds.tables import TABLES, SignalTable

ROOT = Path(__file__).parents[1]
STUDY = ROOT / "docs" / "study.md"
BEGIN, END = "<!-- keys: written by tools/documents.py -->", "<!-- end of keys -->"


def key_tables() -> str:
    """Every table and key of a study.toml, as Markdown."""
    parts = []
    for name, table in {**TABLES, "[data.signals]": SignalTable}.items():
        parts += [f"### `[{name}]`", "", str(table.__doc__), ""]
        parts += ["| key | default | meaning |", "|---|---|---|"]
        for entry in dataclasses.fields(table):
            about = entry.metadata["about"]
            if entry.metadata["choices"]:
                about += ": " + ", ".join(f"`{choice}`" for choice in entry.metadata["choices"])
            parts.append(f"| `{entry.name}` | {_default(entry)} | {about} |")
        parts.append("")
    return "\n".join(parts)


def _default(entry: dataclasses.Field) -> str:
    if entry.default is dataclasses.MISSING:
        return "" if entry.default_factory is not dataclasses.MISSING else "must be given"
    if entry.default in (None, ()):
        return ""
    if isinstance(entry.default, bool | str):
        return f'`"{entry.default}"`'
    return f"`{entry.default}`"


def with_tables(text: str) -> str:
    """docs/study.md with its tables as they should be."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{key_tables()}\n{END}{after}"


def faults() -> list[str]:
    """Everything that a reader would stumble over."""
    found = []
    if with_tables(STUDY.read_text()) != STUDY.read_text():
        found.append("docs/study.md: tables differ from the code; run tools/documents.py --write")
    commands = {c.name or c.callback.__name__ for c in app.registered_commands if c.callback}
    commands |= {group.name for group in app.registered_groups if group.name}
    keys = set(re.findall(r"^\| (\[[A-Z0-9]+\])", (ROOT / "docs/references.md").read_text(), re.M))
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for page in pages:
        name, text = page.relative_to(ROOT), page.read_text()
        for command in re.findall(r"(?:^|[`$] ?)holter ([a-z]+)", text, re.M):
            if command not in commands:
                found.append(f"{name}: there is no command `holter {command}`")
        for reference in re.findall(r"(\[[A-Z]+[0-9]+\])(?!\()", text):
            if reference not in keys:
                found.append(f"{name}: {reference} is not in docs/references.md")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            if not (page.parent / target).exists():
                found.append(f"{name}: the link to {target} leads nowhere")
    return found


def main() -> int:
    if "--write" in sys.argv:
        STUDY.write_text(with_tables(STUDY.read_text()))
    found = faults()
    print("\n".join(found) if found else "documents: nothing differs")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
