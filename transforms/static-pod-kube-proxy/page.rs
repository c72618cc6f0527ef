//! The table "Field by field" of the page, held to the case that it is about.

const PAGE: &str = include_str!("README.md");
const BEFORE: &str = include_str!("cases/like-gce/before/manifests/kube-proxy.yaml");
const AFTER: &str = include_str!("cases/like-gce/after/manifests/kube-proxy-daemonset.yaml");

/// What a cell shows as code.
fn shown(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn fields_of_the_static_pod_and_of_the_daemon_set() {
    let (_, table) = PAGE.split_once("### Field by field").expect("the part");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip_while(|line| !line.starts_with("|---"))
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    assert!(rows.len() > 15, "{} rows", rows.len());
    for row in rows {
        let [_, field, pod, here, ..] = row.as_slice() else {
            panic!("a row without its cells: {row:?}");
        };
        for text in shown(pod) {
            assert!(
                BEFORE.contains(text),
                "{field}: the static pod has no {text}"
            );
        }
        // Behind a semicolon stands what other pods get.
        let own = here.split(';').next().unwrap_or(here);
        for text in shown(own) {
            assert!(AFTER.contains(text), "{field}: the DaemonSet has no {text}");
        }
        if own.starts_with("same") {
            for text in shown(pod) {
                assert!(AFTER.contains(text), "{field}: the DaemonSet lost {text}");
            }
        }
        if own.starts_with("none") {
            let key = shown(field).next().unwrap_or(field);
            assert!(!AFTER.contains(&format!("{key}:")), "{field}: there is one");
        }
    }
}
