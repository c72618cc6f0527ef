use super::{at, edited, map, s};
use crate::yaml::{Edit, File, Level, Op, Place, Refusal, Splice, Value, verify};

fn all(before: &str, plan: impl Fn(&File) -> Result<Vec<Edit>, Refusal>) -> String {
    let file = File::parse(before).unwrap();
    let edits = plan(&file).unwrap();
    let edits: Vec<&Edit> = edits.iter().collect();
    verify::apply(&file, &edits).unwrap_or_else(|r| r.code.to_owned())
}

#[test]
fn one_container() {
    let before = "containers:\n- name: x\n  command: [a]\n  volumeMounts:\n  - name: c\n    \
                  mountPath: /a # here\n    subPath: b\nvolumes:\n- name: c\n";
    let after = "containers:\n- name: x\n  command:\n  - sh\n  args: [a]\n  volumeMounts:\n  - \
                 name: c\n    mountPath: /b # here\nvolumes:\n- name: c\n- name: d\n";
    let result = all(before, |f| {
        Ok(vec![
            at(f, "containers.0.volumeMounts.0.subPath").remove()?,
            at(f, "containers.0.volumeMounts.0.mountPath").set(&s("/b"))?,
            at(f, "volumes").push(Place::Last, &map(&[("name", s("d"))]))?,
            at(f, "containers.0.command").rename_key("args")?,
            at(f, "containers.0").insert(
                Place::Before(at(f, "containers.0.command")),
                "command",
                &Value::strs(["sh"]),
            )?,
        ])
    });
    assert_eq!(result, after);
    let twice = all("a: 1\n", |f| {
        Ok(vec![at(f, "").insert(Place::Last, "a", &s("x"))?])
    });
    assert_eq!(twice, "yaml-key-exists");
}

#[test]
fn several_at_one_place() {
    let two = |f: &File| {
        Ok(vec![
            at(f, "").insert(Place::Last, "x", &s("1"))?,
            at(f, "").insert(Place::Last, "z", &s("2"))?,
        ])
    };
    assert_eq!(all("a: b\n", two), "a: b\nx: \"1\"\nz: \"2\"\n");
    assert_eq!(all("{a: b}\n", two), "{a: b, x: \"1\", z: \"2\"}\n");
    assert_eq!(
        all("{\n  \"a\": 1\n}\n", two),
        "{\n  \"a\": 1,\n  \"x\": \"1\",\n  \"z\": \"2\"\n}\n"
    );
    let deep = |f: &File| {
        Ok(vec![
            at(f, "").insert(Place::Last, "x", &s("q"))?,
            at(f, "a").insert(Place::Last, "z", &s("r"))?,
        ])
    };
    assert_eq!(all("a:\n  b: 1\n", deep), "a:\n  b: 1\n  z: r\nx: q\n");
    assert_eq!(all("a:\n", deep), "a:\n  z: r\nx: q\n");
}

#[test]
fn several_removals() {
    let both = |f: &File| Ok(vec![at(f, "a.0").remove()?, at(f, "a.1").remove()?]);
    assert_eq!(all("a:\n- x\n- y\n- z\n", both), "a:\n- z\n");
    assert_eq!(all("a:\n- x\n- y\n", both), "a: []\n");
    assert_eq!(all("a: [x, y, z]\n", both), "a: [z]\n");
    assert_eq!(all("a: [x, y]\n", both), "a: []\n");
    assert_eq!(all("a: [\n  x,\n  y,\n  z\n]\n", both), "a: [\n  z\n]\n");
    let last = |f: &File| Ok(vec![at(f, "a.2").remove()?, at(f, "a.1").remove()?]);
    assert_eq!(all("a: [x, y, z]\n", last), "a: [x]\n");
    assert_eq!(all("a: [\n  x,\n  y,\n  z\n]\n", last), "a: [\n  x\n]\n");
    let first = |f: &File| Ok(vec![at(f, "x").remove()?, at(f, "y").remove()?]);
    assert_eq!(all("x: 1\ny: 2\nz: 3\n", first), "z: 3\n");
    let swap = |f: &File| {
        Ok(vec![
            at(f, "a.0").remove()?,
            at(f, "a").push(Place::Last, &s("new"))?,
        ])
    };
    assert_eq!(all("a:\n- x\nb: 1\n", swap), "a:\n- new\nb: 1\n");
    let inside = |f: &File| Ok(vec![at(f, "a").remove()?, at(f, "a.b").set(&s("new"))?]);
    assert_eq!(all("a:\n  b: 1\nc: 1\n", inside), "edits-overlap");
}

#[test]
fn removals_at_the_end_of_a_file_without_a_line_break() {
    let both = |f: &File| Ok(vec![at(f, "b").remove()?, at(f, "c").remove()?]);
    assert_eq!(all("a: 1\n\nb: 2\nc: 3", both), "a: 1");
    assert_eq!(all("a: 1\n\nb: 2\n\nc: 3", both), "a: 1");
    assert_eq!(all("a: 1\r\n\r\nb: 2\r\nc: 3", both), "a: 1");
    assert_eq!(all("a: 1\n# stays\n\nb: 2\nc: 3", both), "a: 1\n# stays");
    assert_eq!(all("a: 1\n\nb: 2\n# stays\nc: 3", both), "a: 1\n\n# stays");
    assert_eq!(all("a: 1\n\nb: 2 # stays\nc: 3", both), "a: 1\n\n# stays");
    assert_eq!(all("a: 1\n\nb: 2\nc: 3 # stays", both), "a: 1\n\n# stays");
    let deep = |f: &File| Ok(vec![at(f, "a.y").remove()?, at(f, "b").remove()?]);
    assert_eq!(all("a:\n  x: 1\n\n  y: 2\nb: 3", deep), "a:\n  x: 1");
    let inside = |f: &File| Ok(vec![at(f, "a.y").remove()?, at(f, "b.0").remove()?]);
    assert_eq!(
        all("a:\n  x: 1\n\n  y: 2\nb:\n- 3", inside),
        "a:\n  x: 1\n\nb: []"
    );
    // Comments within what goes hold nothing back, nor do lines that only look like comments.
    assert_eq!(
        all("a: 1\n\nb:\n  # within\n  x: 2\nc: # within\n  x: 3", both),
        "a: 1"
    );
    assert_eq!(all("a: 1\n\nb: 2\nc: \"x\n  # y\"", both), "a: 1");
    // White space is what such a file ends with.
    assert_eq!(all("a: 1\n\nb: 2\n  \nc: 3", both), "a: 1\n\n  ");
    assert_eq!(all("a: 1\n\nb: 2\nc: 3\n  ", both), "a: 1\n\n  ");
    // Blank lines behind a block scalar go with it.
    assert_eq!(all("a: 1\n\nb: |-\n  x\n\nc: 3", both), "a: 1");
    assert_eq!(
        all("a:\n  x: 1\n\n  y: |-\n    x\n\nb: 3", deep),
        "a:\n  x: 1"
    );
    // Where no tail goes, blank lines are left alone: they may be part of what stands above.
    assert_eq!(
        all("a: |+\n  x\n\nb: 1\n...", |f| Ok(vec![
            at(f, "b").remove()?
        ])),
        "a: |+\n  x\n\n..."
    );
    assert_eq!(all("a: 1\n\nb: 2\nc: 3\nd: 4", both), "a: 1\n\nd: 4");
    assert_eq!(all("a: 1\n\nb: 2\nc: 3\n", both), "a: 1\n\n");
}

#[test]
fn a_removal_above_a_document_that_goes() {
    let both = |f: &File| Ok(vec![at(f, "b").remove()?, f.remove_document(1)?]);
    assert_eq!(all("a: 1\nb: 2\n---\nc: 3", both), "a: 1");
    assert_eq!(all("a: 1\n\nb: 2\n\n---\nc: 3", both), "a: 1");
    assert_eq!(all("a: 1\r\n\r\nb: 2\r\n---\r\nc: 3", both), "a: 1");
    assert_eq!(
        all("a: 1\n\nb: 2 # stays\n---\nc: 3", both),
        "a: 1\n\n# stays"
    );
    assert_eq!(all("a: 1\n\nb: 2\n---\nc: 3\n", both), "a: 1\n\n");
    // The file would end in the block scalar.
    assert_eq!(all("a: |\n  x\nb: 2\n---\nc: 3", both), "yaml-layout");
    assert_eq!(all("a: |+\n  x\n\nb: 2\n---\nc: 3", both), "yaml-layout");
    assert_eq!(all("a: |-\n  x\n\nb: 2\n---\nc: 3", both), "a: |-\n  x");
}

#[test]
fn a_removal_below_a_new_block_scalar_waits() {
    let both = |f: &File| Ok(vec![at(f, "a").set(&s("x\ny\n"))?, at(f, "b").remove()?]);
    assert_eq!(all("a: ~\n\nb: one\n    # deep\n", both), "edits-overlap");
}

#[test]
fn a_removal_below_one_of_several_new_block_scalars_waits() {
    let both = |f: &File| {
        let push = |value: &Value| at(f, "").push(Place::After(at(f, "0")), value);
        Ok(vec![
            at(f, "1").remove()?,
            push(&Value::Bool(true))?,
            push(&s("x\ny\n"))?,
        ])
    };
    assert_eq!(
        all("- some\n\n- >- # strip\n\n      \n\n# note\n", both),
        "edits-overlap"
    );
}

#[test]
fn a_document_below_a_new_block_scalar_waits() {
    let set = |f: &File| Ok(vec![at(f, "a").set(&s("x\ny\n"))?, f.remove_document(1)?]);
    assert_eq!(all("a: ~\n---\nb: 1", set), "edits-overlap");
    assert_eq!(all("a: ~\n---\nb: 1\n", set), "edits-overlap");
    let push = |f: &File| {
        Ok(vec![
            at(f, "").push(Place::Last, &s("x\ny\n"))?,
            f.remove_document(1)?,
        ])
    };
    assert_eq!(all("- a\n---\nb: 1", push), "edits-overlap");
}

#[test]
fn the_line_break_of_a_block_scalar_at_the_end_counts() {
    // A parser that adds it would read the same value with and without.
    let cut = |before: &str, path: &str, from: usize| {
        let splices = vec![Splice::delete(from..before.len())];
        all(before, |f| {
            Ok(vec![Edit {
                op: Op::Remove {
                    node: at(f, path).id(),
                },
                splices: splices.clone(),
                lost_comments: Vec::new(),
            }])
        })
    };
    assert_eq!(cut("a: |-\n  x\nb: 1", "b", 9), "a: |-\n  x");
    assert_eq!(cut("a: |\n  x\nb: 1", "b", 8), "verify-values");
    assert_eq!(cut("a: >\n  x\nb: 1", "b", 8), "verify-values");
    assert_eq!(cut("a:\n- |+\n  x\nb: 1", "b", 11), "verify-values");
    assert_eq!(
        cut("c: 1\n---\na: |\n  x\nb: 1", "1:b", 17),
        "verify-values"
    );
}

#[test]
fn removals_in_a_row_below_a_block_scalar() {
    let both = |f: &File| Ok(vec![at(f, "b").remove()?, at(f, "c").remove()?]);
    // The blank line would become content of a scalar that keeps its line breaks.
    assert_eq!(
        all("a: |+\n  x\nb: 1\nc: 2\n\nd: 3\n", both),
        "a: |+\n  x\nd: 3\n"
    );
    assert_eq!(
        all("a: |\n  x\nb: 1\nc: 2\nd: 3\n", both),
        "a: |\n  x\nd: 3\n"
    );
    let around = |f: &File| Ok(vec![at(f, "0").remove()?, at(f, "2").remove()?]);
    assert_eq!(
        all("- a\n- |+\n  x\n- b\n\n- c\n", around),
        "- |+\n  x\n- c\n"
    );
    // So would the comment.
    assert_eq!(
        all("a: |\n  x\nb: 1\nc: 2\n  # deep\nd: 3\n", both),
        "yaml-layout"
    );
    assert_eq!(
        all("a: |\n  x\nb: 1\nc: 2\n # less\nd: 3\n", both),
        "a: |\n  x\n # less\nd: 3\n"
    );
    // What goes may be the last of a collection and the entry behind that one.
    let across = |f: &File| Ok(vec![at(f, "s.b").remove()?, at(f, "c").remove()?]);
    assert_eq!(
        all("s:\n  a: |+\n    x\n  b: 1\nc: 2\n\nd: 3\n", across),
        "s:\n  a: |+\n    x\nd: 3\n"
    );
    // A collection of which nothing is left is no block scalar.
    let emptied = |f: &File| Ok(vec![at(f, "s.b").remove()?, at(f, "c").remove()?]);
    assert_eq!(
        all("a: |+\n  x\ns:\n  b: 1\nc: 2\n\nd: 3\n", emptied),
        "a: |+\n  x\ns: {}\n\nd: 3\n"
    );
    // A file without a final line break would end in the scalar.
    assert_eq!(all("a: |\n  x\nb: 1\nc: 2", both), "yaml-layout");
}

#[test]
fn keys_that_move_stay_distinct() {
    let nest = |f: &File, level: Level| at(f, "").nest(0..2, vec![level]);
    let renamed = |f: &File| {
        Ok(vec![
            nest(f, Level::new("u"))?,
            at(f, "a").rename_key("x")?,
            at(f, "b").rename_key("x")?,
        ])
    };
    assert_eq!(all("a: 1\nb: 2\nc: 3\n", renamed), "yaml-key-exists");
    let one = |f: &File| {
        Ok(vec![
            nest(f, Level::new("u"))?,
            at(f, "a").rename_key("x")?,
            at(f, "b").rename_key("z")?,
        ])
    };
    assert_eq!(all("a: 1\nb: 2\nc: 3\n", one), "u:\n  x: 1\n  z: 2\nc: 3\n");
    let beside = edited("a: 1\nb: 2\nc: 3\n", "", |root| {
        root.nest(
            0..2,
            vec![Level::new("u").before(vec![("b".to_owned(), s("new"))])],
        )
    });
    assert_eq!(beside, "yaml-key-exists");
}
