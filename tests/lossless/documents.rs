//! Random files in every layout that edits promise to keep.

use crate::random::Random;

const KEYS: [&str; 14] = [
    "name",
    "image",
    "spec",
    "a",
    "\"q\"",
    "'s'",
    "annotations",
    "x.y/z",
    "items",
    "env",
    "data",
    "args",
    "k8s-app",
    "b",
];
const PLAIN: [&str; 12] = [
    "nginx:1.25",
    "x",
    "some words here",
    "1",
    "0644",
    "true",
    "1.5",
    "~",
    "/etc/config",
    "a#b",
    "yes",
    "ümlaut",
];
const QUOTED: [&str; 9] = [
    "\"\"",
    "''",
    "\"a # b\"",
    "'it''s'",
    "\"tab\\t\\\"\"",
    "\"multi\\nline\"",
    "'a: b'",
    "\"{{ x }}\"",
    "\"日本\"",
];
const FLOW: [&str; 16] = [
    "{}",
    "[]",
    "{a: b}",
    "[x, 'y', \"z\"]",
    "{ a: b, c: [1, 2] }",
    "[a,]",
    "{a: 1,}",
    "{\"a\":\"b\",\"c\":[]}",
    "[[a, b], [c]]",
    "[{a: 1}, {b: 2}]",
    "{a, b: }",
    "{a: {b: {c: d}}}",
    "[ ]",
    "{a: ~}",
    "[a: b, c]",
    "{a: *n}",
];
const HEADERS: [&str; 16] = [
    "|",
    "|-",
    "|+",
    ">",
    ">-",
    ">+",
    "| # header",
    "|2",
    "|2-",
    "|2+",
    ">2",
    ">-2",
    ">2+",
    "|-2 # both",
    ">- # strip",
    "|+ # keep",
];
const NOTES: [&str; 5] = [
    "# note",
    "#",
    "# key: value",
    "#- item",
    "# {x: [1, 2]} 'quote",
];

/// Writes one file line by line.
pub(crate) struct Writer<'r> {
    random: &'r mut Random,
    out: String,
    step: usize,
    dash: usize,
    comments: bool,
    anchors: usize,
}

/// A random file.
pub(crate) fn file(random: &mut Random) -> String {
    let mut text = if random.one_in(6) {
        json(random)
    } else {
        yaml(random)
    };
    if random.one_in(5) {
        text = text.trim_end_matches('\n').to_owned();
    }
    if random.one_in(5) {
        text = text.replace('\n', "\r\n");
    }
    if random.one_in(12) {
        text.insert(0, '\u{feff}');
    }
    text
}

fn yaml(random: &mut Random) -> String {
    let comments = !random.one_in(3);
    let step = [2, 2, 4, 3][random.below(4)];
    let dash = if random.one_in(2) { 0 } else { step };
    let mut w = Writer {
        random,
        out: String::new(),
        step,
        dash,
        comments,
        anchors: 0,
    };
    let documents = 1 + if w.random.one_in(3) {
        w.random.below(3)
    } else {
        0
    };
    for index in 0..documents {
        w.anchors = 0;
        if index > 0 || w.random.one_in(3) {
            w.out
                .push_str(["---\n", "---\n", "--- # marker\n"][w.random.below(3)]);
        }
        w.noise(0);
        match w.random.below(12) {
            0 => w.sequence(0, 0, ""),
            1 if index + 1 < documents => w.out.push_str("just a scalar\n"),
            2 => {
                let flow = w.flow(0);
                w.out.push_str(&flow);
                w.out.push('\n');
            }
            _ => w.mapping(0, 0, ""),
        }
        w.noise(0);
        if w.random.one_in(10) {
            w.out.push_str("...\n");
        }
    }
    w.out
}

impl Writer<'_> {
    /// Blank lines and comment lines.
    fn noise(&mut self, column: usize) {
        if !self.comments {
            return;
        }
        while self.random.one_in(5) {
            if self.random.one_in(2) {
                self.out
                    .push_str(["\n", "\n", "   \n"][self.random.below(3)]);
            } else {
                let column = [column, column, column, 0, column + self.step][self.random.below(5)];
                let note = self.random.pick(&NOTES);
                self.out.push_str(&" ".repeat(column));
                self.out.push_str(note);
                self.out.push('\n');
            }
        }
    }

    /// The end of a line, with a comment sometimes.
    fn end(&mut self) {
        if self.comments && self.random.one_in(6) {
            self.out.push_str(["  ", " "][self.random.below(2)]);
            let note = self.random.pick(&NOTES);
            self.out.push_str(note);
        } else if self.random.one_in(25) {
            self.out.push(' ');
        }
        self.out.push('\n');
    }

    fn mapping(&mut self, column: usize, depth: usize, prefix: &str) {
        let mut keys: Vec<&str> = KEYS.to_vec();
        for index in 0..=self.random.below(4) {
            if index == 0 {
                self.out.push_str(prefix);
            }
            if index > 0 || prefix.is_empty() {
                self.noise(column);
                self.out.push_str(&" ".repeat(column));
            }
            let key = keys.remove(self.random.below(keys.len()));
            if self.random.one_in(150) {
                self.out.extend(["? ", key, "\n", &" ".repeat(column)]);
            } else {
                self.out.push_str(key);
            }
            self.out.push(':');
            self.value(column, depth);
        }
    }

    /// What stands behind `key:`.
    fn value(&mut self, column: usize, depth: usize) {
        let deep = depth > 3;
        match self.random.below(15) {
            0 | 1 => self.end(),
            2..=5 if !deep => {
                self.end();
                self.mapping(column + self.step, depth + 1, "");
            }
            6..=8 if !deep => {
                self.end();
                let dash = if self.random.one_in(8) {
                    self.step - self.dash
                } else {
                    self.dash
                };
                self.sequence(column + dash, depth + 1, "");
            }
            9 => self.block_scalar(column, column + self.step),
            10 => {
                let flow = self.flow(column + self.step);
                self.out.push(' ');
                self.out.push_str(&flow);
                self.end();
            }
            11 => self.long_scalar(column + self.step),
            12 if self.random.one_in(4) => {
                self.end();
                self.out.push_str(&" ".repeat(column + self.step));
                self.out.push_str("below");
                self.end();
            }
            13 if self.random.one_in(4) => {
                self.anchors += 1;
                let extra = if self.anchors > 1 {
                    " *n1"
                } else {
                    " &n1 anchored"
                };
                self.out.push_str(extra);
                self.end();
            }
            14 if self.random.one_in(10) => {
                self.out
                    .push_str([" !!str 1", " !custom {a: b}", " ! x"][self.random.below(3)]);
                self.end();
            }
            _ => self.scalar(),
        }
    }

    fn scalar(&mut self) {
        let text = if self.random.one_in(3) {
            self.random.pick(&QUOTED)
        } else {
            self.random.pick(&PLAIN)
        };
        self.out.push(' ');
        self.out.push_str(text);
        self.end();
    }

    fn sequence(&mut self, column: usize, depth: usize, prefix: &str) {
        for index in 0..=self.random.below(3) {
            if index == 0 {
                self.out.push_str(prefix);
            }
            if index > 0 || prefix.is_empty() {
                self.noise(column);
                self.out.push_str(&" ".repeat(column));
            }
            self.out.push('-');
            let deep = depth > 4;
            match self.random.below(12) {
                0 => self.end(),
                1..=4 if !deep => {
                    let gap = if self.random.one_in(6) { 3 } else { 1 };
                    self.mapping(column + 1 + gap, depth + 1, &" ".repeat(gap));
                }
                5 if !deep => self.sequence(column + 2, depth + 1, " "),
                6 if !deep => {
                    self.end();
                    self.mapping(column + self.step, depth + 1, "");
                }
                7 => self.block_scalar(column, column + 2),
                8 => {
                    let flow = self.flow(column + 2);
                    self.out.push(' ');
                    self.out.push_str(&flow);
                    self.end();
                }
                _ => self.scalar(),
            }
        }
    }

    fn block_scalar(&mut self, parent: usize, column: usize) {
        let header = self.random.pick(&HEADERS);
        let column = if header.contains('2') {
            parent + 2
        } else {
            column
        };
        self.out.push(' ');
        self.out.push_str(header);
        self.out.push('\n');
        let lines = self.random.below(4);
        for index in 0..lines {
            let line = [
                "text",
                "  deeper",
                "",
                "# no comment",
                "- a: b",
                "key: {{ x }}",
                "    ",
            ][self.random.below(7)];
            let first = index == 0 && !header.contains('2');
            let line = if first { line.trim_start() } else { line };
            if !line.is_empty() {
                self.out.push_str(&" ".repeat(column));
                self.out.push_str(line);
            }
            self.out.push('\n');
        }
        while self.random.one_in(4) {
            self.out.push('\n');
        }
    }

    /// A plain or quoted scalar over several lines.
    fn long_scalar(&mut self, column: usize) {
        let pad = " ".repeat(column);
        let text = match self.random.below(4) {
            0 => format!(" one\n{pad}two\n\n{pad}three"),
            1 => format!(" 'one\n{pad}  two'"),
            2 => format!(" \"one \\\n{pad}two\n\n{pad}three\""),
            _ => format!("\n{pad}one\n{pad}two"),
        };
        self.out.push_str(&text);
        self.end();
    }

    fn flow(&mut self, column: usize) -> String {
        let pad = " ".repeat(column);
        let outer = " ".repeat(column.saturating_sub(self.step));
        match self.random.below(10) {
            0 => format!("{{\n{pad}a: 1,\n{pad}b: [x, y]\n{outer}  }}"),
            1 => format!("[\n{pad}a, # first\n{pad}# above\n{pad}b,\n{outer}  ]"),
            2 => format!("[a,\n{pad}b]"),
            3 => format!(
                "{{ # open\n{pad}\"a\": {{\n{pad}  \"b\": 1 # one\n{pad}}},\n{pad}\"c\": [] }}"
            ),
            _ => {
                let flow = self.random.pick(&FLOW);
                if flow.contains('*') && self.anchors == 0 {
                    "{z: 1}".to_owned()
                } else {
                    flow.replace("*n", "*n1")
                }
            }
        }
    }
}

fn json(random: &mut Random) -> String {
    let unit = ["  ", "    ", "\t", ""][random.below(4)];
    let mut out = String::new();
    json_value(random, &mut out, unit, "", 0);
    out.push('\n');
    out
}

fn json_value(random: &mut Random, out: &mut String, unit: &str, indent: &str, depth: usize) {
    let (open, close) = match if depth == 0 {
        0
    } else {
        random.below(6 + depth)
    } {
        0 | 1 => ('{', '}'),
        2 => ('[', ']'),
        _ => {
            return out
                .push_str(["\"text\"", "1", "true", "null", "\"a\\nb\"", "\"\""][random.below(6)]);
        }
    };
    let inner = format!("{indent}{unit}");
    let line = |out: &mut String, indent: &str| {
        if !unit.is_empty() {
            out.push('\n');
            out.push_str(indent);
        }
    };
    let count = random.below(4);
    out.push(open);
    for key in ["name", "image", "spec"].iter().take(count) {
        line(out, &inner);
        if open == '{' {
            out.extend(["\"", key, "\":", if unit.is_empty() { "" } else { " " }]);
        }
        json_value(random, out, unit, &inner, depth + 1);
        out.push(',');
    }
    if count > 0 {
        out.pop();
        line(out, indent);
    }
    out.push(close);
}
