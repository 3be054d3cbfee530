use crate::Failure;
use anstyle::Style;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

/// What the binary found in its environment.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// `NO_COLOR` is set, or the terminal is a dumb one
    pub plain: bool,
    /// where sign-ins are kept; none if there is no home
    pub config: Option<PathBuf>,
    /// `TIDEWIRE_PASSWORD`
    pub password: Option<String>,
}

/// Where results go, and who reads them.
pub struct Output {
    pub surroundings: Surroundings,
    out: io::Stdout,
    colors: bool,
}

impl Output {
    pub fn new(surroundings: Surroundings) -> Self {
        let out = io::stdout();
        let colors = out.is_terminal() && !surroundings.plain;
        Self { surroundings, out, colors }
    }

    /// Whether somebody looks at the output.
    pub fn is_terminal(&self) -> bool {
        self.out.is_terminal()
    }

    /// Columns of the terminal; `None` if there is none.
    pub fn width(&self) -> Option<usize> {
        let size = rustix::termios::tcgetwinsize(&self.out).ok()?;
        Some(usize::from(size.ws_col)).filter(|width| *width > 0)
    }

    /// Lines of the terminal.
    pub fn height(&self) -> Option<usize> {
        let size = rustix::termios::tcgetwinsize(&self.out).ok()?;
        Some(usize::from(size.ws_row)).filter(|height| *height > 0)
    }

    /// One line, at once on its way: whoever reads it does not wait for more.
    pub fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.text(&format!("{text}\n"))
    }

    /// Text as it is, at once on its way.
    pub fn text(&mut self, text: &str) -> Result<(), Failure> {
        let mut out = self.out.lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// The text in a style, if there are colours.
    pub fn paint(&self, style: Style, text: &str) -> String {
        paint(self.colors, style, text)
    }
}

pub(crate) fn paint(colors: bool, style: Style, text: &str) -> String {
    if colors { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// Returns when whoever read the output has gone, also while there is nothing to write.
pub(crate) async fn unread(look: std::time::Duration) {
    use rustix::event::{PollFd, PollFlags, poll};
    let out = io::stdout();
    loop {
        let mut watched = [PollFd::new(&out, PollFlags::empty())];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        if poll(&mut watched, Some(&now)).is_ok() && watched[0].revents().contains(PollFlags::ERR) {
            return;
        }
        tokio::time::sleep(look).await;
    }
}

/// What is no result, for people. A stderr that is gone is no reason to end.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "tidewire: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use anstyle::AnsiColor;

    #[test]
    fn only_colours_write_escapes() {
        let red = AnsiColor::Red.on_default();
        assert_eq!(paint(false, red, "x"), "x");
        assert_eq!(paint(true, red, "x"), "\u{1b}[31mx\u{1b}[0m");
    }
}
