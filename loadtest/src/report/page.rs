//! The page itself.

use std::fmt::Write as _;

use super::escaped::escaped;

/// What a page shows.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Its heading.
    pub title: String,
    /// What was looked at, a paragraph each.
    pub facts: Vec<String>,
    /// The figures.
    pub table: Table,
    /// The pictures.
    pub charts: Vec<Chart>,
    /// How the page can be made again: a command line.
    pub command: String,
}

/// A table: the first column is text, the others are numbers.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Names of the columns.
    pub head: Vec<String>,
    /// Rows, as long as the head.
    pub rows: Vec<Vec<String>>,
}

/// A picture with what it shows.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Its heading.
    pub title: String,
    /// What is to be seen in it.
    pub caption: String,
    /// The picture: an `svg` element.
    pub svg: String,
}

const STYLE: &str = "\
:root{color-scheme:light}
body{font:16px/1.5 system-ui,sans-serif;color:#1b1f24;background:#fff;margin:0 auto;padding:1.5rem;max-width:60rem}
h1{font-size:1.6rem;line-height:1.2;margin:0 0 .75rem}
h2{font-size:1.1rem;margin:2rem 0 .25rem}
p{margin:.25rem 0}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:1.25rem 0;white-space:nowrap}
th,td{padding:.3rem .75rem;text-align:right;border-bottom:1px solid #d8dde3}
th:first-child,td:first-child{text-align:left;padding-left:0}
th{font-weight:600;border-bottom-color:#1b1f24}
tr:last-child td{font-weight:600}
svg{display:block;width:100%;min-width:40rem;height:auto}
.caption,footer{color:#57606a;font-size:.9rem}
code{font-size:.85rem;overflow-wrap:anywhere}
footer{margin-top:2.5rem;border-top:1px solid #d8dde3;padding-top:.75rem}
@media print{body{max-width:none;padding:0;font-size:11pt}section{break-inside:avoid}.wide{overflow:visible}svg{min-width:0}}
";

impl Page {
    /// The page as HTML. Nothing in it is fetched from elsewhere.
    #[must_use]
    pub fn html(&self) -> String {
        let title = escaped(&self.title);
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
             content=\"width=device-width,initial-scale=1\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n<h1>{title}</h1>\n"
        );
        for fact in &self.facts {
            let _ = writeln!(out, "<p>{}</p>", escaped(fact));
        }
        self.table.write(&mut out);
        for Chart { title, caption, svg } in &self.charts {
            let (title, caption) = (escaped(title), escaped(caption));
            let _ = writeln!(
                out,
                "<section>\n<h2>{title}</h2>\n<p class=\"caption\">{caption}</p>\n<div class=\"wide\">{}</div>\n</section>",
                svg.trim()
            );
        }
        let _ = writeln!(
            out,
            "<footer>Steno {}. Made by <code>{}</code></footer>\n</html>",
            env!("CARGO_PKG_VERSION"),
            escaped(&self.command)
        );
        out
    }
}

impl Table {
    /// The table for a terminal: columns as wide as they must be, the first one to the left.
    #[must_use]
    pub fn text(&self) -> String {
        let lines: Vec<&Vec<String>> = std::iter::once(&self.head).chain(&self.rows).collect();
        let width = |column: usize| {
            lines
                .iter()
                .filter_map(|line| line.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let mut out = String::new();
        for line in lines {
            for (column, (cell, &width)) in line.iter().zip(&widths).enumerate() {
                let _ =
                    if column == 0 { write!(out, "{cell:<width$}") } else { write!(out, "  {cell:>width$}") };
            }
            out.push('\n');
        }
        out
    }

    fn write(&self, out: &mut String) {
        let cells = |row: &[String], kind: &str| -> String {
            row.iter().map(|cell| format!("<{kind}>{}</{kind}>", escaped(cell))).collect()
        };
        let _ = writeln!(out, "<div class=\"wide\"><table>\n<tr>{}</tr>", cells(&self.head, "th"));
        for row in &self.rows {
            let _ = writeln!(out, "<tr>{}</tr>", cells(row, "td"));
        }
        out.push_str("</table></div>\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_a_terminal_line_up() {
        let line = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let table = Table {
            head: line(["schedule", "÷ bound"]),
            rows: vec![line(["steno", "1.000"]), line(["a pod a recording", "12.5"])],
        };
        let wanted = "schedule           ÷ bound\nsteno                1.000\na pod a recording     12.5\n";
        assert_eq!(table.text(), wanted);
    }

    #[test]
    fn names_of_strangers_stay_text_and_nothing_is_fetched() {
        let page = Page {
            title: "<script>alert(1)</script>".into(),
            facts: vec!["a & b".into()],
            table: Table { head: vec!["\"x\"".into()], rows: vec![vec!["<b>".into()]] },
            charts: Vec::new(),
            command: "steno-loadtest '<i>'".into(),
        };
        let html = page.html();
        assert!(!html.contains("<script") && !html.contains("<b>") && !html.contains("<i>"), "{html}");
        assert!(html.contains("a &amp; b") && html.contains("&quot;x&quot;"), "{html}");
        assert!(!html.contains("http") && !html.contains("src="), "{html}");
    }
}
