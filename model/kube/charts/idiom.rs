//! How charts write the hash of a file into an annotation
//! (<https://helm.sh/docs/howto/charts_tips_and_tricks/#automatically-roll-deployments>), in the
//! way in which this chart does already.

/// As Helm's documentation has it.
const CUSTOMARY: &str =
    r#"{{ include (print $.Template.BasePath "/configmap.yaml") . | sha256sum }}"#;

/// How a chart writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idiom {
    /// What stands before the name in the key: `checksum/`.
    prefix: String,
    /// The name of the key is that of the file.
    by_file: bool,
    /// A value, for some file.
    value: String,
}

impl Idiom {
    /// By the first example in the templates of a chart.
    pub fn of<'a>(templates: impl IntoIterator<Item = &'a str>) -> Self {
        let mut examples = templates.into_iter().flat_map(str::lines);
        examples.find_map(Self::read).unwrap_or(Self {
            prefix: "checksum/".to_owned(),
            by_file: false,
            value: CUSTOMARY.to_owned(),
        })
    }

    /// Whether all checksums of a template, as far as they stand in lines, are of files.
    pub fn only_files(template: &str) -> bool {
        let hashes = |line: &&str| line.contains("checksum") && line.contains("sha");
        let mut lines = template.lines().filter(hashes).peekable();
        lines.peek().is_some() && lines.all(|line| Self::read(line).is_some())
    }

    /// The key of a line that is an example.
    pub fn key_of(line: &str) -> Option<&str> {
        Self::read(line)?;
        Some(line.trim().split_once(": ")?.0)
    }

    /// The file that a line includes which is an example: a path below `templates`.
    pub fn file_of(line: &str) -> Option<&str> {
        Self::read(line)?;
        Some(path(line)?.trim_start_matches('/'))
    }

    /// A line that is an example, with another file in it: a path below `templates`.
    pub fn with_file(line: &str, file: &str) -> Option<String> {
        let old = path(line)?;
        Some(line.replacen(&format!("\"{old}\""), &format!("\"/{file}\""), 1))
    }

    /// One line, if it is an example.
    fn read(line: &str) -> Option<Self> {
        let (key, value) = line.trim().split_once(": ")?;
        let path = path(value)?;
        let (prefix, name) = key.rsplit_once('/')?;
        let plain = !key.contains(['{', '#', '"', '\'']) && value.contains("sha256sum");
        let stem = stem(path);
        plain.then(|| Self {
            prefix: format!("{prefix}/"),
            by_file: name == stem,
            value: value.trim_end().to_owned(),
        })
    }

    /// The entries for files, each a path below `templates`: keys that are not among those that
    /// are `there`. `rebound`: the dot is not that of the template.
    pub fn entries(&self, files: &[String], there: &str, rebound: bool) -> Vec<String> {
        let one = files.len() == 1 && !self.by_file;
        files
            .iter()
            .map(|file| {
                let key = self.key(stem(file), one, there);
                format!("{key} {}", self.value_of(file, rebound))
            })
            .collect()
    }

    /// The entry for what an expression gives, in a file below `templates`.
    pub fn expression(&self, expression: &str, file: &str, there: &str) -> String {
        let key = self.key(stem(file), !self.by_file, there);
        let from = self.value.find("include (").unwrap_or(0);
        let to = self.value[from..].find(" | ").map_or(from, |at| from + at);
        let (before, behind) = (&self.value[..from], &self.value[to..]);
        format!("{key} {before}{expression}{behind}")
    }

    /// A key with its colon that is not there, by the name of a file or for all configuration.
    fn key(&self, stem: &str, general: bool, there: &str) -> String {
        let taken = |key: &str| there.lines().any(|line| line.trim().starts_with(key));
        let by_file = stem.replace('/', "-");
        let own = |ending: &str| format!("{}{by_file}{ending}:", self.prefix);
        let config = format!("{}config:", self.prefix);
        let first = (general && !taken(&config)).then_some(config);
        first.unwrap_or_else(|| {
            let more = (2..).map(|number| own(&format!("-{number}")));
            let mut keys = std::iter::once(own("")).chain(more);
            keys.find(|key| !taken(key)).unwrap_or_else(|| own(""))
        })
    }

    fn value_of(&self, file: &str, rebound: bool) -> String {
        let old = path(&self.value).unwrap_or_default();
        let value = self
            .value
            .replacen(&format!("\"{old}\""), &format!("\"/{file}\""), 1);
        if !rebound {
            return value.replacen(") $ |", ") . |", 1);
        }
        let value = value.replacen("(print .Template", "(print $.Template", 1);
        value.replacen(") . |", ") $ |", 1)
    }
}

/// The file that a value includes.
fn path(value: &str) -> Option<&str> {
    let behind = value.split_once("include (print ")?.1;
    let behind = behind.split_once("Template.BasePath \"")?.1;
    behind
        .split('"')
        .next()
        .filter(|path| path.starts_with('/'))
}

/// A path without its extension and the slash before it.
fn stem(path: &str) -> &str {
    let path = path.trim_start_matches('/');
    path.rsplit_once('.').map_or(path, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_chart_is_followed() {
        let files = ["conf/web.yaml".to_owned()];
        assert_eq!(
            Idiom::of([""]).entries(&files, "", false),
            [
                r#"checksum/config: {{ include (print $.Template.BasePath "/conf/web.yaml") . | sha256sum }}"#
            ]
        );
        let own = Idiom::of(["  checksum/secret: {{ include (print .Template.BasePath \
                              \"/secret.yaml\") . | sha256sum | quote }}\n"]);
        assert_eq!(
            own.entries(&files, "", true),
            [
                r#"checksum/conf-web: {{ include (print $.Template.BasePath "/conf/web.yaml") $ | sha256sum | quote }}"#
            ]
        );
    }
}
