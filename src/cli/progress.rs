//! A sign of life on a terminal for runs that take longer than a second.

use std::io::{IsTerminal as _, Read};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows a spinner until it is dropped.
pub(super) struct Progress {
    thread: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Says nothing for the first second, and nothing at all where standard error is no terminal.
    pub(super) fn start(what: &'static str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { thread: None };
        }
        let (sender, receiver) = channel::<()>();
        let thread = std::thread::spawn(move || {
            if receiver.recv_timeout(Duration::from_secs(1))
                != Err(std::sync::mpsc::RecvTimeoutError::Timeout)
            {
                return;
            }
            let bar = ProgressBar::new_spinner().with_message(what);
            bar.enable_steady_tick(Duration::from_millis(100));
            let _ = receiver.recv();
            bar.finish_and_clear();
        });
        Self {
            thread: Some((sender, thread)),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.thread.take() {
            drop(sender);
            let _ = thread.join();
        }
    }
}

/// Shows how much of a known number of things is done, on a terminal, and a line for each part of
/// them that is on its way.
pub(super) struct Bar {
    bars: MultiProgress,
    whole: ProgressBar,
}

/// A part on its way, until it is dropped.
pub(super) struct Part(ProgressBar);

impl Bar {
    pub(super) fn start(things: usize) -> Self {
        let bars = MultiProgress::new();
        if !std::io::stderr().is_terminal() {
            bars.set_draw_target(ProgressDrawTarget::hidden());
        }
        let whole = bars.add(ProgressBar::new(things as u64));
        if let Ok(style) = ProgressStyle::with_template("{bar:20} {pos}/{len} {wide_msg}") {
            whole.set_style(style);
        }
        if !whole.is_hidden() {
            whole.enable_steady_tick(Duration::from_millis(100));
        }
        Self { bars, whole }
    }

    /// What is going on.
    pub(super) fn say(&self, what: &str) {
        self.whole.set_message(what.to_owned());
    }

    /// A part of so many bytes, 0 where that is not known, has begun.
    pub(super) fn part(&self, what: String, bytes: u64) -> Part {
        let bar = self.bars.add(ProgressBar::new(bytes));
        let template = if bytes == 0 {
            "  {bytes} {wide_msg}"
        } else {
            "  {bar:18} {bytes}/{total_bytes} {wide_msg}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
        Part(bar)
    }

    pub(super) fn one_done(&self) {
        self.whole.inc(1);
    }
}

impl Part {
    /// What is read of it counts.
    pub(super) fn of<R: Read>(&self, reader: R) -> impl Read + use<R> {
        self.0.wrap_read(reader)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.whole.finish_and_clear();
    }
}
