//! Sentences for the reader, made of parts.
//!
//! A transform says which words of a sentence are a path, a resource, a key or code, and which name
//! a list: only renderers know where the reader stands, what a terminal can show, how a page sets
//! code and how long a list may be. The plain form, which [`Text`] displays, has paths relative to
//! the root, lists in full, and nothing around keys and code.
//!
//! A sentence is written with [`text!`](crate::text!), of words and of [`Path`], [`Named`], [`Field`],
//! [`Verbatim`] and other texts:
//!
//! ```
//! use kubewright_model::text;
//! use kubewright_model::text::{Field, Named, Path};
//!
//! let web = Named::new("Deployment", "web");
//! let said = text![web, " in ", Path("app/web.yaml"), " reads key ", Field("app.yml")];
//! assert_eq!(said.to_string(), "Deployment web in app/web.yaml reads key app.yml");
//! ```

use std::borrow::Cow;
use std::fmt;

/// A sentence, or more of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text {
    parts: Vec<Part>,
}

/// A part of a sentence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Words.
    Words(String),
    /// A file or a directory, or one that a fix creates: relative to the root, which is `.`.
    Path(String),
    /// Names, at least one.
    List(List),
    /// A command to copy: it may hold paths.
    Command(Text),
    /// A resource.
    Resource(Named),
    /// A key of an object, an annotation, or a field by its name or path: `app.yml`,
    /// `spec.template`.
    Field(String),
    /// What a program or a manifest has to the letter: a flag, a word of a command, an image, a
    /// path in a container, a piece of YAML.
    Code(String),
}

/// Names that a sentence lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct List {
    /// What each of them is, such as `ConfigMap`; `None` where the sentence or each name says it.
    pub noun: Option<String>,
    /// The names.
    pub items: Vec<Text>,
}

/// A path as part of a sentence: of a file or directory of the workspace, or of one that a fix
/// creates, relative to the root.
#[derive(Debug, Clone, Copy)]
pub struct Path<'a>(pub &'a str);

/// A resource as part of a sentence, by kind and name: `Deployment web`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Named {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A key or a field as part of a sentence.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a>(pub &'a str);

/// Code as part of a sentence: what a program or a manifest has to the letter.
#[derive(Debug, Clone, Copy)]
pub struct Verbatim<'a>(pub &'a str);

impl Named {
    /// A resource of that kind and name.
    pub fn new(kind: impl AsRef<str>, name: impl AsRef<str>) -> Self {
        Self {
            kind: kind.as_ref().to_owned(),
            name: name.as_ref().to_owned(),
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

impl Text {
    /// No words.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part, or several.
    pub fn push(&mut self, more: impl Into<Self>) {
        for part in more.into().parts {
            match (self.parts.last_mut(), part) {
                (Some(Part::Words(words)), Part::Words(more)) => words.push_str(&more),
                (_, part) => self.parts.push(part),
            }
        }
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The parts, in order; words never follow words.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// `a`, `a and b`, `a, b and c`.
    pub fn list<T: Into<Self>>(items: impl IntoIterator<Item = T>) -> Self {
        List::new(None, items).into()
    }

    /// `ConfigMap a`, `ConfigMaps a and b`.
    pub fn list_of<T: Into<Self>>(noun: &str, items: impl IntoIterator<Item = T>) -> Self {
        List::new(Some(noun.to_owned()), items).into()
    }

    /// A command to copy.
    pub fn command(command: impl Into<Self>) -> Self {
        Self {
            parts: vec![Part::Command(command.into())],
        }
    }

    /// Texts one behind the other, with words between them.
    pub fn joined<T: Into<Self>>(items: impl IntoIterator<Item = T>, between: &str) -> Self {
        let mut text = Self::new();
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                text.push(between);
            }
            text.push(item);
        }
        text
    }
}

impl List {
    fn new<T: Into<Text>>(noun: Option<String>, items: impl IntoIterator<Item = T>) -> Self {
        Self {
            noun,
            items: items.into_iter().map(Into::into).collect(),
        }
    }

    /// The list as one text, where more than `most` names are cut to the first `shown` and the
    /// number of the others: `24 ConfigMaps: a, b, c and 21 more`.
    pub fn cut(&self, most: usize, shown: usize) -> Text {
        let (all, names) = (self.items.len(), &self.items);
        let Some((last, first)) = names.split_last() else {
            return Text::new();
        };
        let cut = names.get(..shown).filter(|_| all > most);
        let mut text = Text::new();
        match (&self.noun, cut, all) {
            (None, ..) => {}
            (Some(noun), None, 1) => text.push(format!("{noun} ")),
            (Some(noun), None, _) => text.push(format!("{noun}s ")),
            (Some(noun), Some(_), _) => text.push(format!("{all} {noun}s: ")),
        }
        match (cut, first) {
            (Some(names), _) => {
                text.push(Text::joined(names.iter().cloned(), ", "));
                text.push(format!(" and {} more", all - names.len()));
            }
            (None, []) => text.push(last.clone()),
            (None, first) => {
                text.push(Text::joined(first.iter().cloned(), ", "));
                text.push(" and ");
                text.push(last.clone());
            }
        }
        text
    }

    /// The list as one text with all names.
    pub fn whole(&self) -> Text {
        self.cut(usize::MAX, 0)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Words(words) => f.write_str(words),
            Part::Path(path) => f.write_str(path),
            Part::List(list) => list.whole().fmt(f),
            Part::Command(command) => command.fmt(f),
            Part::Resource(resource) => resource.fmt(f),
            Part::Field(field) => f.write_str(field),
            Part::Code(code) => f.write_str(code),
        })
    }
}

impl From<String> for Text {
    fn from(words: String) -> Self {
        let parts = if words.is_empty() {
            Vec::new()
        } else {
            vec![Part::Words(words)]
        };
        Self { parts }
    }
}

impl From<&str> for Text {
    fn from(words: &str) -> Self {
        words.to_owned().into()
    }
}

impl From<&&str> for Text {
    fn from(words: &&str) -> Self {
        (*words).to_owned().into()
    }
}

impl From<&String> for Text {
    fn from(words: &String) -> Self {
        words.clone().into()
    }
}

impl From<Cow<'_, str>> for Text {
    fn from(words: Cow<'_, str>) -> Self {
        words.into_owned().into()
    }
}

impl From<&Cow<'_, str>> for Text {
    fn from(words: &Cow<'_, str>) -> Self {
        (**words).to_owned().into()
    }
}

impl From<usize> for Text {
    fn from(number: usize) -> Self {
        number.to_string().into()
    }
}

impl From<Part> for Text {
    fn from(part: Part) -> Self {
        Self { parts: vec![part] }
    }
}

impl From<&Self> for Text {
    fn from(text: &Self) -> Self {
        text.clone()
    }
}

impl From<Path<'_>> for Text {
    fn from(Path(path): Path<'_>) -> Self {
        // The root itself is the directory that its files are relative to.
        let path = if path.is_empty() { "." } else { path };
        Self {
            parts: vec![Part::Path(path.to_owned())],
        }
    }
}

impl From<Named> for Text {
    fn from(resource: Named) -> Self {
        Part::Resource(resource).into()
    }
}

impl From<&Named> for Text {
    fn from(resource: &Named) -> Self {
        resource.clone().into()
    }
}

impl From<Field<'_>> for Text {
    fn from(Field(field): Field<'_>) -> Self {
        Part::Field(field.to_owned()).into()
    }
}

impl From<Verbatim<'_>> for Text {
    fn from(Verbatim(code): Verbatim<'_>) -> Self {
        Part::Code(code.to_owned()).into()
    }
}

impl From<List> for Text {
    fn from(list: List) -> Self {
        let parts = if list.items.is_empty() {
            Vec::new()
        } else {
            vec![Part::List(list)]
        };
        Self { parts }
    }
}

/// A [`Text`] of its parts: words, [`Path`]s, [`Named`] resources, [`Field`]s, [`Verbatim`] code,
/// other texts, numbers.
///
/// [`Text`]: crate::text::Text
/// [`Path`]: crate::text::Path
/// [`Named`]: crate::text::Named
/// [`Field`]: crate::text::Field
/// [`Verbatim`]: crate::text::Verbatim
#[macro_export]
macro_rules! text {
    ($($part:expr),* $(,)?) => {{
        #[allow(unused_mut)]
        let mut text = $crate::text::Text::new();
        $(text.push($part);)*
        text
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_displays_its_plain_form() {
        let said = text!["see ", Path("a/b.yaml"), ":", 4, " and ", Path("")];
        assert_eq!(said.to_string(), "see a/b.yaml:4 and .");
        assert_eq!(said.parts().len(), 4);
        assert_eq!(text!["a", "b"], Text::from("ab"));
    }

    #[test]
    fn what_is_no_word_is_a_part_of_its_own_with_the_same_plain_form() {
        let web = Named::new("Deployment", "web");
        let said = text![&web, " has ", Field("a.b"), " and ", Verbatim("--x")];
        assert_eq!(said.to_string(), "Deployment web has a.b and --x");
        let parts = [
            Part::Resource(web),
            Part::Words(" has ".into()),
            Part::Field("a.b".into()),
            Part::Words(" and ".into()),
            Part::Code("--x".into()),
        ];
        assert_eq!(said.parts(), parts);
    }

    #[test]
    fn lists_are_cut_where_they_are_long() {
        let list = |n: usize| {
            List::new(
                Some("Secret".into()),
                ["a", "b", "c", "d"].into_iter().take(n),
            )
        };
        let cut = |n| list(n).cut(3, 2).to_string();
        assert_eq!(cut(0), "");
        assert_eq!(cut(1), "Secret a");
        assert_eq!(cut(3), "Secrets a, b and c");
        assert_eq!(cut(4), "4 Secrets: a, b and 2 more");
        assert_eq!(Text::from(list(4)).to_string(), "Secrets a, b, c and d");
        assert_eq!(Text::list(["a", "b"]).to_string(), "a and b");
    }
}
