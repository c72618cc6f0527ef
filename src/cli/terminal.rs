//! Standard output and standard error: colours where they are wanted, and no complaint when nobody
//! listens.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

use anstream::{AutoStream, ColorChoice};
use anstyle::AnsiColor;
use anyhow::{Context as _, Result};

use super::args::Color;
use super::files;
use super::print::{page, steers};

/// The widest text: longer lines are hard to read.
const WIDEST: usize = 120;
/// The longest word of a message, and how much is shown of a longer one: what a repository calls a
/// name may be as large as a file.
const LONGEST: (usize, usize) = (4096, 200);
/// The width of what is no terminal.
const USUAL: usize = 100;

/// Where output goes.
pub(super) struct Terminal {
    choice: ColorChoice,
}

impl Terminal {
    pub(super) fn new(color: Color) -> Self {
        let choice = match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Self { choice }
    }

    /// Prints styled text.
    pub(super) fn out(&self, text: &str) -> Result<()> {
        // Standard output writes line by line otherwise.
        let mut bytes = AutoStream::new(Vec::new(), self.resolve(&io::stdout()));
        done(
            bytes
                .write_all(text.as_bytes())
                .and_then(|()| write(&bytes.into_inner())),
        )
    }

    /// Whether standard output is a terminal.
    #[expect(clippy::unused_self, reason = "it is the terminal that is asked")]
    pub(super) fn is_one(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Prints styled text, through `PAGER`, or else `less`, where it is higher than the terminal.
    #[expect(clippy::disallowed_methods, reason = "the environment has a say in it")]
    pub(super) fn page(&self, text: &str) -> Result<()> {
        let height = terminal_size::terminal_size().map_or(0, |(_, h)| usize::from(h.0));
        let pager = std::env::var("PAGER").unwrap_or_else(|_| "less".into());
        let mut words = pager.split_whitespace();
        let Some(program) = words.next().filter(|_| text.lines().count() >= height) else {
            return self.out(text);
        };
        let mut command = std::process::Command::new(program);
        command.args(words).stdin(std::process::Stdio::piped());
        if std::env::var_os("LESS").is_none() {
            command.env("LESS", "FRX");
        }
        let Ok(mut child) = command.spawn() else {
            return self.out(text);
        };
        if let Some(stdin) = child.stdin.take() {
            let mut stream = AutoStream::new(Vec::new(), self.resolve(&io::stdout()));
            stream.write_all(text.as_bytes())?;
            let mut stdin = stdin;
            // A reader may leave before the end.
            let _ = stdin.write_all(&stream.into_inner());
        }
        child
            .wait()
            .with_context(|| format!("cannot wait for {program}"))?;
        Ok(())
    }

    /// Prints bytes as they are.
    #[expect(
        clippy::unused_self,
        reason = "output goes through the terminal, styled or not"
    )]
    pub(super) fn raw(&self, text: &str) -> Result<()> {
        done(write(text.as_bytes()))
    }

    /// Prints JSON. It may hold as they are what steers a terminal; escaped they mean the same, and
    /// they stand nowhere but in strings.
    pub(super) fn json(&self, text: &str) -> Result<()> {
        if !text.chars().any(|c| c != '\n' && steers(c)) {
            return self.raw(text);
        }
        let mut escaped = String::with_capacity(text.len());
        for c in text.chars() {
            if c != '\n' && steers(c) {
                let _ = write!(escaped, "\\u{:04x}", c as u32);
            } else {
                escaped.push(c);
            }
        }
        self.raw(&escaped)
    }

    /// Prints styled text beside the output proper.
    pub(super) fn err(&self, text: &str) {
        let mut stream = AutoStream::new(io::stderr().lock(), self.resolve(&io::stderr()));
        let _ = stream
            .write_all(text.as_bytes())
            .and_then(|()| stream.flush());
    }

    /// Says why the run failed.
    pub(super) fn error(&self, message: &str) {
        let style = AnsiColor::BrightRed.on_default().bold();
        self.tell(&format!("{style}error{style:#}: {}\n", safe(message)));
    }

    /// Says what the user should know although the run goes on.
    pub(super) fn warning(&self, message: &str) {
        let style = AnsiColor::Yellow.on_default().bold();
        self.tell(&format!("{style}warning{style:#}: {}\n", safe(message)));
    }

    /// Prints lines for people beside the output proper, no wider than the terminal.
    fn tell(&self, text: &str) {
        let width = terminal_size::terminal_size().map_or(0, |(width, _)| usize::from(width.0));
        if width > 0 && io::stderr().is_terminal() {
            self.err(&page::hanging(text, width.min(WIDEST), 2));
        } else {
            self.err(text);
        }
    }

    /// How wide lines for people may be: `COLUMNS`, else what the terminal has, 120 at most, else
    /// 100.
    #[expect(clippy::unused_self, reason = "it is the terminal that has a width")]
    #[expect(clippy::disallowed_methods, reason = "the environment has a say in it")]
    pub(super) fn width(&self) -> usize {
        let typed = std::env::var("COLUMNS").ok();
        let typed = typed.and_then(|columns| columns.parse().ok());
        let found = || {
            let (width, _) = terminal_size::terminal_size()?;
            let width = usize::from(width.0);
            (io::stdout().is_terminal() && width > 0).then_some(width.min(WIDEST))
        };
        typed.or_else(found).unwrap_or(USUAL)
    }

    /// Whether standard output opens links.
    pub(super) fn links(&self) -> bool {
        self.resolve(&io::stdout()) != ColorChoice::Never
            && io::stdout().is_terminal()
            && supports_hyperlinks::on(supports_hyperlinks::Stream::Stdout)
    }

    fn resolve<S: anstream::stream::RawStream>(&self, stream: &S) -> ColorChoice {
        if self.choice == ColorChoice::Auto {
            AutoStream::choice(stream)
        } else {
            self.choice
        }
    }
}

/// An error and its causes, those of the operating system without their numbers.
pub(super) fn words(error: &anyhow::Error) -> String {
    let cause = |e: &(dyn std::error::Error + 'static)| {
        e.downcast_ref().map_or_else(|| e.to_string(), files::plain)
    };
    short(&error.chain().map(cause).collect::<Vec<_>>().join(": "))
}

/// A message whose longest words are cut.
fn short(message: &str) -> String {
    let (most, shown) = LONGEST;
    let word = |word: &str| match word.char_indices().nth(shown) {
        Some((at, _)) if word.len() > most => format!("{}… ", word.split_at(at).0),
        _ => word.to_owned(),
    };
    message.split_inclusive([' ', '\n']).map(word).collect()
}

/// A message in which names of files and texts of manifests stand as they are, without what would
/// steer the terminal.
fn safe(message: &str) -> String {
    let plain = |c: char| c == '\n' || c == '\t' || !steers(c);
    let safe = |c| {
        if plain(c) {
            c
        } else {
            char::REPLACEMENT_CHARACTER
        }
    };
    short(message).chars().map(safe).collect()
}

/// A reader that has seen enough (`| head`) is no error, and changes nothing of how the run ends.
fn done(result: io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to standard output"),
    }
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut stream = io::stdout().lock();
    stream.write_all(bytes)?;
    stream.flush()
}
