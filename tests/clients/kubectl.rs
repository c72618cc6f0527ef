//! kubectl runs kubewright as a plugin, and prints what a cluster holds.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Output;

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::support::{TrialResult, ensure, kubewright, missing, needing, pipe, run};
use crate::{WEB, project, with_program, write};

pub(crate) fn trials() -> Vec<Trial> {
    let kubectl = missing("kubectl", "kubectl", &["version", "--client"]);
    vec![
        needing(kubectl, "kubectl_runs_the_plugin", plugin),
        needing(kubectl, "kubectl_completes_the_plugin", completion),
        needing(kubectl, "what_kubectl_gets_from_a_cluster_is_read", dump),
    ]
}

/// kubectl with the plugin, which is installed below `dir` by links.
fn kubectl(dir: &Path, args: &[&str], statuses: &[i32]) -> Result<Output, Failed> {
    let folder = dir.join("bin");
    if !folder.exists() {
        std::fs::create_dir(&folder)?;
        let links = project("integrations/krew/kubectl-links");
        let links = links.to_str().ok_or("no path")?;
        run(with_program(links, &[])?.arg(&folder), &[0])?;
    }
    let mut command = with_program("kubectl", &[&folder])?;
    command
        .args(args)
        .current_dir(dir)
        .env("KUBECONFIG", dir.join("kubeconfig"))
        .env("HOME", dir)
        .env("NO_COLOR", "1");
    run(&mut command, statuses)
}

fn plugin() -> TrialResult {
    let dir = tempfile::tempdir()?;
    write(dir.path(), &[("app/web.yaml", WEB)])?;
    let listed = String::from_utf8(kubectl(dir.path(), &["plugin", "list"], &[0])?.stdout)?;
    ensure(listed.contains("kubectl-wright"), || listed.clone())?;
    let help = kubectl(dir.path(), &["wright", "fix", "--help"], &[0])?.stdout;
    let help = String::from_utf8(help)?;
    ensure(
        help.contains("Usage: kubectl wright fix [OPTIONS] [PATH]..."),
        || help.clone(),
    )?;
    let check = ["wright", "fix", "--check", "app"];
    let said = String::from_utf8(kubectl(dir.path(), &check, &[1])?.stdout)?;
    ensure(said.contains("warning[missing-config-hash]"), || {
        said.clone()
    })?;
    kubectl(dir.path(), &["wright", "fix", "--write", "app"], &[0])?;
    kubectl(dir.path(), &check, &[0])?;
    // Wrong usage is told in the words that were typed.
    let failed = kubectl(dir.path(), &["wright", "fix", "--wrte"], &[2])?;
    let said = String::from_utf8(failed.stderr)?;
    ensure(said.contains("kubectl wright fix"), || said.clone())
}

fn completion() -> TrialResult {
    let dir = tempfile::tempdir()?;
    let complete = |words: &[&str]| -> Result<String, Failed> {
        let args = [&["__complete", "wright"], words].concat();
        Ok(String::from_utf8(kubectl(dir.path(), &args, &[0])?.stdout)?)
    };
    let said = complete(&["ex"])?;
    ensure(
        said.starts_with("explain\tPrint the page") && said.ends_with(":4\n"),
        || said.clone(),
    )?;
    let said = complete(&["fix", "--select", "missing-config-h"])?;
    ensure(said.starts_with("missing-config-hash\n"), || said.clone())
}

/// What a cluster holds, by the path that lists it.
type Cluster = BTreeMap<String, Value>;

/// The items of a `List` as the API server has them: by kind, without the words that a list of one
/// kind leaves out.
fn cluster(list: &Value) -> Cluster {
    let mut cluster = Cluster::new();
    let kinds = [
        ("ConfigMap", "/api/v1", "configmaps"),
        ("Pod", "/api/v1", "pods"),
        ("Deployment", "/apis/apps/v1", "deployments"),
        ("ReplicaSet", "/apis/apps/v1", "replicasets"),
    ];
    for (prefix, version) in [("/api/v1", "v1"), ("/apis/apps/v1", "apps/v1")] {
        let of_version = kinds.iter().filter(|(_, of, _)| *of == prefix);
        let resources: Vec<Value> = of_version
            .map(|(kind, _, name)| {
                json!({"name": name, "singularName": kind.to_lowercase(), "namespaced": true, "kind": kind, "verbs": ["get", "list"]})
            })
            .collect();
        let resources = json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources});
        cluster.insert(prefix.to_owned(), resources);
    }
    for (kind, prefix, name) in kinds {
        let items = list["items"].as_array().into_iter().flatten();
        let items: Vec<Value> = items
            .filter(|item| item["kind"] == kind)
            .map(|item| {
                let mut item = item.clone();
                if let Some(fields) = item.as_object_mut() {
                    fields.remove("apiVersion");
                    fields.remove("kind");
                }
                item
            })
            .collect();
        let version = prefix
            .trim_start_matches("/apis/")
            .trim_start_matches("/api/");
        let list = json!({"kind": format!("{kind}List"), "apiVersion": version, "metadata": {"resourceVersion": "1"}, "items": items});
        cluster.insert(format!("{prefix}/namespaces/shop/{name}"), list);
    }
    let version = json!({"groupVersion": "apps/v1", "version": "v1"});
    cluster.insert(
        "/api".into(),
        json!({"kind": "APIVersions", "versions": ["v1"]}),
    );
    cluster.insert(
        "/apis".into(),
        json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [{"name": "apps", "versions": [version], "preferredVersion": version}]}),
    );
    cluster
}

/// Answers one request and closes the connection.
fn answer(stream: TcpStream, cluster: &Cluster) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let (status, body) = match cluster.get(path) {
        Some(found) => ("200 OK", found.to_string()),
        None => ("404 Not Found", json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}).to_string()),
    };
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: \
         close\r\n\r\n{body}",
        body.len()
    )
}

fn dump() -> TrialResult {
    let dir = tempfile::tempdir()?;
    let list = std::fs::read_to_string(project("tests/cli/cluster-dump.in/dump.yaml"))?;
    let list: Value = serde_yaml::from_str(&list)?;
    let cluster = cluster(&list);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // kubectl goes away when it has what it wants.
            let _ = answer(stream, &cluster);
        }
    });
    let config = format!(
        "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: \
         \"http://127.0.0.1:{port}\"}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: \
         \"\", namespace: shop}}}}]\ncurrent-context: c\n"
    );
    write(dir.path(), &[("kubeconfig", &config)])?;
    for extra in [&[][..], &["--show-managed-fields"]] {
        let get = [
            "get",
            "configmaps,deployments,replicasets,pods",
            "-o",
            "yaml",
        ];
        let got = kubectl(dir.path(), &[&get[..], extra].concat(), &[0])?.stdout;
        let text = String::from_utf8(got.clone())?;
        ensure(text.matches("\n  kind: ").count() == 5, || text.clone())?;
        let checked = pipe(
            &mut kubewright(dir.path(), &["fix", "-", "--check"]),
            &got,
            &[1],
        )?;
        let said = String::from_utf8(checked.stderr)?;
        let findings: Vec<&str> = said.lines().filter(|line| line.contains('[')).collect();
        ensure(
            findings.len() == 1 && findings[0].contains("Deployment web reads ConfigMap settings"),
            || said.clone(),
        )?;
        let fixed = pipe(&mut kubewright(dir.path(), &["fix", "-"]), &got, &[0])?.stdout;
        let fixed: Value = serde_yaml::from_slice(&fixed)?;
        let before: Value = serde_yaml::from_slice(&got)?;
        let differ = |(a, b): &(&Value, &Value)| a != b;
        let items = |list: &Value| list["items"].as_array().cloned().unwrap_or_default();
        let (before, fixed) = (items(&before), items(&fixed));
        let changed: Vec<_> = before.iter().zip(&fixed).filter(differ).collect();
        ensure(
            changed.len() == 1 && changed[0].1["kind"] == "Deployment",
            || format!("{changed:?}"),
        )?;
    }
    Ok(())
}
