//! What a build says while it runs: lines on standard error, and on a terminal a status below them.

use crate::cli::output;
use crate::text::line;
use std::cell::RefCell;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How often the status is drawn anew.
pub(super) const REDRAW: Duration = Duration::from_secs(1);

/// Tells how it goes.
pub(super) struct Progress {
    begun: Instant,
    /// What goes on now, on a terminal.
    status: RefCell<Option<String>>,
    is_live: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        let is_live = !output::is_quiet() && std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Progress { begun: Instant::now(), status: RefCell::default(), is_live }
    }

    /// Since when it runs.
    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Something about the build.
    pub(super) fn note(&self, text: &str) {
        self.print(&format!("{}\n", line(text)));
    }

    /// A line that a container has printed.
    pub(super) fn line(&self, text: &str) {
        // Build logs have tabs, which act on nothing.
        self.print(&format!("{}\n", line(&text.replace('\t', "    "))));
    }

    /// What goes on from now on.
    pub(super) fn status(&self, text: &str) {
        if self.is_live {
            *self.status.borrow_mut() = Some(line(text).into_owned());
            self.redraw();
        }
    }

    /// Nothing goes on any more.
    pub(super) fn done(&self) {
        self.erase();
        *self.status.borrow_mut() = None;
    }

    /// Draws the status anew for as long as it is polled.
    pub(super) async fn keep_drawing(&self) -> ! {
        loop {
            tokio::time::sleep(REDRAW).await;
            self.redraw();
        }
    }

    fn print(&self, text: &str) {
        if output::is_quiet() {
            return;
        }
        self.erase();
        output::say_all(text);
        self.redraw();
    }

    fn erase(&self) {
        if self.status.borrow().is_some() {
            output::say_all("\r\x1b[K");
        }
    }

    fn redraw(&self) {
        if let Some(status) = &*self.status.borrow() {
            // No longer than a narrow terminal, so that it stays one line.
            let status: String = status.chars().take(60).collect();
            output::say_all(&format!("\r\x1b[K[{:.0} s] {status}", self.begun.elapsed().as_secs_f64()));
        }
    }
}
