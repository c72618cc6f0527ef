//! The component of GitLab, and what the services say of our files.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use libtest_mimic::Failed;
use serde_yaml::Value;

use super::action::{SETTINGS, checkout, home};
use super::git;
use crate::support::{TrialResult, ensure, run};

/// Plays the API of GitLab: one user, and the notes of a merge request.
const GITLAB: &str = r#"
import http.server, json, sys
notes = [{"id": 1, "author": {"id": 9}, "body": "<!-- kubewright-report --> of somebody else"}]
class Api(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def answer(self, value):
        self.send_response(200 if self.headers["PRIVATE-TOKEN"] == "secret" else 401); self.end_headers()
        self.wfile.write(json.dumps(value).encode())
    def body(self):
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
    def do_GET(self):
        self.answer({"id": 5} if self.path.endswith("/user") else notes if "page=1" in self.path.split("&") else [])
    def do_POST(self):
        notes.append({"id": 2, "author": {"id": 5}, "body": self.body()}); print("POST", self.path, flush=True); self.answer({})
    def do_PUT(self):
        self.body(); print("PUT", self.path, flush=True); self.answer({})
server = http.server.HTTPServer(("127.0.0.1", 0), Api)
print(server.server_port, flush=True)
server.serve_forever()
"#;

/// Runs the script of the component twice, as a job for a merge request does.
pub(crate) fn gitlab() -> TrialResult {
    let (_dir, work, _) = checkout(&[("settings.yaml", &SETTINGS.replace("mode", "speed"))])?;
    git(&work, &["fetch", "-q", "--unshallow", "origin"])?;
    let base = git(&work, &["rev-parse", "HEAD^1"])?;
    let text = fs::read_to_string(home().join("integrations/gitlab/templates/kubewright.yml"))?;
    let (_, jobs) = text.split_once("\n---\n").ok_or("one document")?;
    let jobs: Value = serde_yaml::from_str(jobs)?;
    let body = jobs["kubewright"]["script"][0]
        .as_str()
        .ok_or("no script")?;
    let body = body.replace("$[[ inputs.fail-on ]]", "warning");
    let mut server = Command::new("python3")
        .args(["-c", GITLAB])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = BufReader::new(server.stdout.take().ok_or("no output")?);
    let mut port = String::new();
    said.read_line(&mut port)?;
    let program = Path::new(env!("CARGO_BIN_EXE_kubewright"))
        .parent()
        .ok_or("no folder")?;
    let directories = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(
        [program.to_owned()]
            .into_iter()
            .chain(std::env::split_paths(&directories)),
    )?;
    let job = || -> Result<(), Failed> {
        let mut shell = Command::new("bash");
        shell
            .args(["-eo", "pipefail", "-c", &body])
            .current_dir(&work)
            .env("PATH", &path)
            .env("CI_MERGE_REQUEST_DIFF_BASE_SHA", &base)
            .env(
                "CI_API_V4_URL",
                format!("http://127.0.0.1:{}/api/v4", port.trim()),
            )
            .env("CI_MERGE_REQUEST_PROJECT_ID", "3")
            .env("CI_MERGE_REQUEST_IID", "4")
            .env("KUBEWRIGHT_PATHS", ".")
            .env("KUBEWRIGHT_BASELINE", "")
            .env("KUBEWRIGHT_COMMENT_TOKEN", "TOKEN")
            .env("TOKEN", "secret");
        run(&mut shell, &[1])?;
        Ok(())
    };
    let outcome = job().and_then(|()| job());
    let mut asked = [String::new(), String::new()];
    if outcome.is_ok() {
        for line in &mut asked {
            said.read_line(line)?;
        }
    }
    server.kill()?;
    server.wait()?;
    outcome?;
    let notes = "/api/v4/projects/3/merge_requests/4/notes";
    let wanted = [format!("POST {notes}\n"), format!("PUT {notes}/2\n")];
    ensure(asked == wanted, || format!("{asked:?}"))?;
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(
        work.join("gl-code-quality-report.json"),
    )?)?;
    ensure(report.as_array().is_some_and(|all| all.len() == 1), || {
        report.to_string()
    })
}

/// The action, the component and the pipeline on the page, against the schemas of their services.
pub(crate) fn services() -> TrialResult {
    let dir = tempfile::tempdir()?;
    let component =
        fs::read_to_string(home().join("integrations/gitlab/templates/kubewright.yml"))?;
    let (_, jobs) = component.split_once("\n---\n").ok_or("one document")?;
    fs::write(dir.path().join("gitlab.yml"), jobs)?;
    let page = fs::read_to_string(home().join("docs/pull-requests.md"))?;
    let pipeline = page
        .split("```yaml\n")
        .find(|block| block.starts_with("image: "));
    let pipeline = pipeline
        .and_then(|block| block.split("```").next())
        .ok_or("no pipeline")?;
    fs::write(dir.path().join("bitbucket.yml"), pipeline)?;
    fs::copy(home().join("action.yml"), dir.path().join("action.yml"))?;
    for (schema, file, more) in [
        ("vendor.github-actions", "action.yml", &[][..]),
        (
            "vendor.gitlab-ci",
            "gitlab.yml",
            &["--data-transform", "gitlab-ci"],
        ),
        ("vendor.bitbucket-pipelines", "bitbucket.yml", &[]),
    ] {
        let mut client = Command::new("python3");
        client.args(["-m", "check_jsonschema", "--builtin-schema", schema, file]);
        run(client.args(more).current_dir(dir.path()), &[0])?;
    }
    Ok(())
}
