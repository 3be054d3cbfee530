use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal as _};

/// A bar on stderr while somebody looks at it.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// `length`: of the whole, if it is known.
    pub fn new(length: Option<u64>, unit: &str) -> Self {
        let seen = io::stderr().is_terminal();
        let target = if seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(length, target);
        let template = match length {
            Some(_) => format!("{{wide_bar}} {{percent}}% of {{len}} {unit}, {{msg}}, {{eta}} left"),
            None => "{spinner} {msg}, {elapsed}".to_owned(),
        };
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        Self { bar }
    }

    pub fn at(&self, position: u64, message: String) {
        self.bar.set_position(position);
        self.bar.set_message(message);
    }

    /// A line beside the bar.
    pub fn say(&self, text: &str) {
        self.bar.suspend(|| crate::output::note(text));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
