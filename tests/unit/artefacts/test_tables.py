"""A table says the same in the terminal, in Markdown and in LaTeX."""

import re

import pytest

from triptych.artefacts.tables import RENDERINGS, Cell, Column, Row, Table, latex_table, markdown_table, text_table

HEADS = (Column("method", figures=False), Column("rmse", unit="m", better="lower"), Column("d1", better="higher"))


def row(*texts: str, bold: int | None = None, section: str = "") -> Row:
    return Row(tuple(Cell(text, index == bold) for index, text in enumerate(texts)), section)


def table(*rows: Row, caption: str = "", notes: tuple[str, ...] = ()) -> Table:
    return Table(HEADS, rows, caption, notes)


def test_a_head_tells_unit_and_direction() -> None:
    assert [column.head() for column in HEADS] == ["method", "rmse (m) ↓", "d1 ↑"]


def test_text_is_aligned_words_to_the_left_and_figures_to_the_right() -> None:
    rendered = text_table(table(row("a", "4.75", "0.9"), row("longer", "14.75", "x")))
    assert rendered.splitlines() == [
        "method  rmse (m) ↓  d1 ↑",
        "------------------------",
        "a             4.75   0.9",
        "longer       14.75     x",
    ]


def test_a_star_in_text_does_not_push_its_column_out_of_line() -> None:
    rendered = text_table(table(row("a", "4.75", "0.9", bold=1), row("b", "5.75", "0.8")))
    assert rendered.splitlines() == [
        "method  rmse (m) ↓   d1 ↑",
        "-------------------------",
        "a             4.75*   0.9",
        "b             5.75    0.8",
        "",
        "* best of its column",
    ]


def test_decimal_points_stand_under_each_other_with_stars_deviations_and_dashes() -> None:
    rows = (row("a", "14.75 ± 0.12", "0.9", bold=1), row("b", "5.7", "0.85"), row("c", "\u2013", "1"))
    assert text_table(table(*rows)).splitlines()[:5] == [
        "method    rmse (m) ↓   d1 ↑",
        "---------------------------",
        "a       14.75 ± 0.12*  0.9",
        "b        5.7           0.85",
        "c        \u2013             1",
    ]


def test_sections_of_a_text_stand_under_a_rule_and_their_title() -> None:
    rendered = text_table(
        table(row("a", "1", "2"), row("b", "3", "4", section="published"), caption="how", notes=("n",))
    )
    assert rendered.splitlines() == [
        "how",
        "",
        "method  rmse (m) ↓  d1 ↑",
        "------------------------",
        "a                1     2",
        "------------------------",
        "published:",
        "b                3     4",
        "",
        "n",
    ]


def test_markdown_has_bold_sections_caption_and_notes() -> None:
    rendered = markdown_table(
        table(row("a", "1", "2", bold=2), row("b", "3", "4", section="baselines"), caption="how", notes=("n",))
    )
    assert rendered.splitlines() == [
        "how",
        "",
        "| method | rmse (m) ↓ | d1 ↑ |",
        "| :--- | ---: | ---: |",
        "| a | 1 | **2** |",
        "| *baselines* |  |  |",
        "| b | 3 | 4 |",
        "",
        "- **bold**: best of its column",
        "- n",
    ]


def test_a_pipe_in_a_name_makes_no_column_in_markdown() -> None:
    line = markdown_table(table(row("a|b", "1", "2"))).splitlines()[-1]
    assert line == r"| a\|b | 1 | 2 |"
    assert len(re.findall(r"(?<!\\)\|", line)) == 4


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("abs_rel", "abs_rel"),
        ("_x_", r"\_x\_"),
        ("*x*", r"\*x\*"),
        ("<b>", r"\<b\>"),
        ("`c`", r"\`c\`"),
        ("[l](u)", r"\[l\](u)"),
        ("a\\b", r"a\\b"),
        ("~x~", r"\~x\~"),
        ("$x$", r"\$x\$"),
    ],
)
def test_markup_in_a_name_is_not_read_as_markdown(text: str, escaped: str) -> None:
    assert markdown_table(table(row(text, "1", "2"))).splitlines()[-1] == f"| {escaped} | 1 | 2 |"


def test_latex_is_a_float_with_booktabs_rules() -> None:
    rendered = latex_table(
        table(
            row("a", "1", "2 ± 1", bold=2), row("b", "3", "\u2013", section="published"), caption="100 %", notes=("n",)
        )
    )
    assert rendered.splitlines() == [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering",
        r"  \caption{100 \%}",
        r"  \begin{tabular}{lrr}",
        r"    \toprule",
        r"    method & rmse (m) $\downarrow$ & d1 $\uparrow$ \\",
        r"    \midrule",
        r"    a & 1 & \textbf{2 $\pm$ 1} \\",
        r"    \midrule",
        r"    \multicolumn{3}{l}{\emph{published}} \\",
        r"    b & 3 & -- \\",
        r"    \bottomrule",
        r"  \end{tabular}",
        r"  \par\smallskip\footnotesize\raggedright",
        r"  Bold: best of its column.\par",
        r"  n\par",
        r"\end{table}",
    ]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("&", r"\&"),
        ("%", r"\%"),
        ("$", r"\$"),
        ("#", r"\#"),
        ("_", r"\_"),
        ("{", r"\{"),
        ("}", r"\}"),
        ("~", r"\textasciitilde{}"),
        ("^", r"\textasciicircum{}"),
        ("\\", r"\textbackslash{}"),
        ("\\{x}", r"\textbackslash{}\{x\}"),
        ("<|>", r"\textless{}\textbar{}\textgreater{}"),
        ("[2] *", "{[}2] {*}"),  # after a line's end, a bracket would be read as a length
    ],
)
def test_what_latex_would_read_as_a_command_is_escaped_everywhere(text: str, escaped: str) -> None:
    rendered = latex_table(
        Table((Column(text, figures=False),), (row(text), row("x", section=text)), caption=text, notes=(text,))
    )
    assert rf"  \caption{{{escaped}}}" in rendered.splitlines()
    assert rf"    {escaped} \\" in rendered.splitlines()
    assert rf"    \multicolumn{{1}}{{l}}{{\emph{{{escaped}}}}} \\" in rendered.splitlines()
    assert rf"  {escaped}\par" in rendered.splitlines()
    assert rendered.splitlines().count(rf"    {escaped} \\") == 2  # head and cell


@pytest.mark.parametrize("rendering", list(RENDERINGS))
def test_a_name_with_line_breaks_and_escapes_stays_on_one_line(rendering: str) -> None:
    plain = RENDERINGS[rendering](table(row("a b", "1", "2")))
    assert RENDERINGS[rendering](table(row("a\n\x1b\tb", "1", "2"))) == plain


@pytest.mark.parametrize("rendering", list(RENDERINGS))
def test_a_table_without_rows_is_its_head(rendering: str) -> None:
    rendered = RENDERINGS[rendering](table())
    assert "method" in rendered
    assert "best" not in rendered


def test_a_first_section_with_a_name_has_its_title_under_the_head() -> None:
    lines = text_table(table(row("a", "1", "2", section="baselines"))).splitlines()
    assert lines[1:3] == ["------------------------", "baselines:"]


def test_a_row_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="row 1 has 2 cells for 3 columns"):
        table(row("a", "1", "2"), row("b", "1"))
    with pytest.raises(ValueError, match="at least one column"):
        Table((), ())
