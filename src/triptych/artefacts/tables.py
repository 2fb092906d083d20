"""Tables of text, rendered for the terminal, for GitHub and for LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

Better = Literal["lower", "higher", "neither"]

_ARROWS: dict[Better, str] = {"lower": "↓", "higher": "↑", "neither": ""}
_BEST = "best of its column"
_LATEX: dict[str, str] = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    # Not special, but another sign in the fonts of old, or an option where it follows a line's end.
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",
    "*": "{*}",
    "±": r"$\pm$",
    "\u2013": "--",  # an en dash
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
}
_MARKDOWN = re.compile(r"[\\`*|\[\]<>~$]|(?<![^\W_])_|_(?![^\W_])")
"""What GitHub may read as markup; an underscore inside a word is none."""
_WHOLE = re.compile(r"[-+]?\d+|\u2013")
"""What a figure has before its decimal point; the dash of a missing one stands there too."""


@dataclass(frozen=True)
class Column:
    """The head of a column.

    Attributes:
        label: what stands in it.
        unit: of its figures; empty where they have none.
        better: which way is better, told by an arrow: down for lower, up for higher.
        figures: whether it holds figures, which stand to the right; words stand to the left.
    """

    label: str
    unit: str = ""
    better: Better = "neither"
    figures: bool = True

    def head(self) -> str:
        """Label, unit and arrow: `rmse (m) ↓`."""
        unit = f"({self.unit})" if self.unit else ""
        return " ".join(part for part in (self.label, unit, _ARROWS[self.better]) if part)


@dataclass(frozen=True)
class Cell:
    """Text, bold where it is the best of its column."""

    text: str
    bold: bool = False


@dataclass(frozen=True)
class Row:
    """Cells in the order of the columns, and the section that they stand in.

    Attributes:
        cells: one for each column.
        section: rows of one section follow each other under a rule and its title; the
            section without a name has no title.
    """

    cells: tuple[Cell, ...]
    section: str = ""


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
        columns: the heads.
        rows: from the top.
        caption: what the figures are and how they were made.
        notes: what a reader must know beside them, one a line.

    Raises:
        ValueError: without columns, or a row with more or fewer cells than columns.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    caption: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.columns:
            raise ValueError("a table needs at least one column")
        for number, row in enumerate(self.rows):
            if len(row.cells) != len(self.columns):
                raise ValueError(f"row {number} has {len(row.cells)} cells for {len(self.columns)} columns")


def text_table(table: Table) -> str:
    """The table in aligned columns, figures by their decimal points; a star stands for bold."""
    heads = [_one_line(column.head()) for column in table.columns]
    starred = [any(row.cells[index].bold for row in table.rows) for index in range(len(heads))]

    def shown(cell: Cell, index: int) -> str:
        return _one_line(cell.text) + (("*" if cell.bold else " ") if starred[index] else "")

    bodies = [[shown(cell, index) for index, cell in enumerate(row.cells)] for row in table.rows]
    behind = [max((_behind_point(body[index]) for body in bodies), default=0) for index in range(len(heads))]
    for body in bodies:
        for index, column in enumerate(table.columns):
            if column.figures and _WHOLE.match(body[index]):
                body[index] += " " * (behind[index] - _behind_point(body[index]))
    heads = [head + " " if star else head for head, star in zip(heads, starred, strict=True)]
    widths = [max(len(line[index]) for line in [heads, *bodies]) for index in range(len(heads))]

    def aligned(cells: list[str]) -> str:
        padded = [
            cell.rjust(width) if column.figures else cell.ljust(width)
            for cell, width, column in zip(cells, widths, table.columns, strict=True)
        ]
        return "  ".join(padded).rstrip()

    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    lines = [_one_line(table.caption), ""] if table.caption else []
    lines += [aligned(heads), rule]
    for section, title, first in _sections(table):
        lines += [*([] if first else [rule]), *([f"{_one_line(title)}:"] if title else [])]
        lines += [aligned(bodies[index]) for index in section]
    notes = [*([f"* {_BEST}"] if any(starred) else []), *(_one_line(note) for note in table.notes)]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def markdown_table(table: Table) -> str:
    """The table in GitHub's Markdown, the caption above it and the notes as a list below."""

    def cell_text(cell: Cell) -> str:
        text = _markdown(cell.text)
        return f"**{text}**" if cell.bold and text else text

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    lines = [_markdown(table.caption), ""] if table.caption else []
    lines.append(line([_markdown(column.head()) for column in table.columns]))
    lines.append(line(["---:" if column.figures else ":---" for column in table.columns]))
    for section, title, _ in _sections(table):
        if title:
            lines.append(line([f"*{_markdown(title)}*", *([""] * (len(table.columns) - 1))]))
        lines += [line([cell_text(cell) for cell in table.rows[index].cells]) for index in section]
    notes = [*([f"**bold**: {_BEST}"] if _any_bold(table) else []), *(_markdown(note) for note in table.notes)]
    return "\n".join([*lines, *([""] if notes else []), *(f"- {note}" for note in notes)]) + "\n"


def latex_table(table: Table) -> str:
    """The table as a LaTeX float; its document needs the package booktabs."""

    def cell_text(cell: Cell) -> str:
        text = _latex(cell.text)
        return rf"\textbf{{{text}}}" if cell.bold else text

    def line(cells: list[str]) -> str:
        return "    " + " & ".join(cells) + r" \\"

    kinds = "".join("r" if column.figures else "l" for column in table.columns)
    lines = ["% needs \\usepackage{booktabs}", r"\begin{table}", r"  \centering"]
    if table.caption:
        lines.append(rf"  \caption{{{_latex(table.caption)}}}")
    lines += [rf"  \begin{{tabular}}{{{kinds}}}", r"    \toprule"]
    lines += [line([_latex(column.head()) for column in table.columns]), r"    \midrule"]
    for section, title, first in _sections(table):
        if not first:
            lines.append(r"    \midrule")
        if title:
            lines.append(rf"    \multicolumn{{{len(table.columns)}}}{{l}}{{\emph{{{_latex(title)}}}}} \\")
        lines += [line([cell_text(cell) for cell in table.rows[index].cells]) for index in section]
    lines += [r"    \bottomrule", r"  \end{tabular}"]
    notes = [*([f"Bold: {_BEST}."] if _any_bold(table) else []), *(_latex(note) for note in table.notes)]
    if notes:
        lines.append(r"  \par\smallskip\footnotesize\raggedright")
        lines += [rf"  {note}\par" for note in notes]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


RENDERINGS: dict[str, Callable[[Table], str]] = {"text": text_table, "markdown": markdown_table, "latex": latex_table}
"""The renderings by the names that a command takes."""


def _sections(table: Table) -> Iterator[tuple[list[int], str, bool]]:
    """Row numbers of each section, its title, and whether it is the first."""
    start = 0
    for end in range(1, len(table.rows) + 1):
        if end == len(table.rows) or table.rows[end].section != table.rows[start].section:
            yield list(range(start, end)), table.rows[start].section, start == 0
            start = end


def _behind_point(text: str) -> int:
    """How many signs of a figure stand behind its whole part: the fraction, a deviation, a star; 0 for words."""
    whole = _WHOLE.match(text)
    return len(text) - whole.end() if whole else 0


def _any_bold(table: Table) -> bool:
    return any(cell.bold for row in table.rows for cell in row.cells)


def _one_line(text: str) -> str:
    """The text without line breaks and control characters, which would break a table or a terminal."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(lambda match: "\\" + match.group(), _one_line(text))


def _latex(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in _one_line(text))
