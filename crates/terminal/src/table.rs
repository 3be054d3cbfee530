use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Columns of text, as wide as they must be and no wider than allowed.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// A column never takes more, however long one value is.
const WIDEST: usize = 48;
const GAP: usize = 2;

impl Table {
    pub fn new(head: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { head: head.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    pub fn push(&mut self, row: impl IntoIterator<Item = impl Into<String>>) {
        self.rows.push(row.into_iter().map(|cell| plain(&cell.into())).collect());
    }

    /// Its lines, the head first; `width`: of the terminal, if the lines must fit.
    pub fn lines(&self, width: Option<usize>) -> Vec<String> {
        let widths = self.widths();
        let lines = std::iter::once(&self.head).chain(&self.rows);
        lines.map(|row| line(row, &widths, width.unwrap_or(usize::MAX))).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let width = |at: usize| {
            let rows = std::iter::once(&self.head).chain(&self.rows);
            rows.filter_map(|row| row.get(at)).map(|cell| cell.width()).max().unwrap_or(0).min(WIDEST)
        };
        (0..self.head.len()).map(width).collect()
    }
}

fn line(row: &[String], widths: &[usize], most: usize) -> String {
    let mut text = String::new();
    for (cell, width) in row.iter().zip(widths) {
        let cell = cut(cell, *width);
        let fill = width.saturating_sub(cell.width()) + GAP;
        text.push_str(&cell);
        text.extend(std::iter::repeat_n(' ', fill));
    }
    cut(text.trim_end(), most)
}

/// The text in at most so many columns of a terminal; what is missing is told by an ellipsis.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (mut kept, mut taken) = (String::new(), 0);
    for character in text.chars() {
        taken += character.width().unwrap_or(0);
        if taken + 1 > width {
            break;
        }
        kept.push(character);
    }
    if width > 0 {
        kept.push('…');
    }
    kept
}

/// Without what would move the cursor or colour the terminal: values come from strangers.
pub fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '·' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["id", "title"]);
        table.push(["a", "hello"]);
        table.push(["bcd", "日本"]);
        assert_eq!(table.lines(None), ["id   title", "a    hello", "bcd  日本"]);
        assert_eq!(table.lines(Some(7)), ["id   t…", "a    h…", "bcd  …"]);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc\u{9b}"), "a·[2Jb·c·");
        let mut table = Table::new(["x"]);
        table.push(["\u{1b}]0;evil\u{7}"]);
        assert_eq!(table.lines(None)[1], "·]0;evil·");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_terminal(cells in prop::collection::vec("\\PC{0,60}", 1..6), width in 0usize..80) {
            let mut table = Table::new(cells.iter().map(|_| "head"));
            table.push(cells.clone());
            for line in table.lines(Some(width)) {
                prop_assert!(line.width() <= width, "{line:?}");
            }
        }
    }
}
