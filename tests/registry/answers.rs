//! What a registry may answer instead of an image, said by a server of a few lines.

use libtest_mimic::{Failed, Trial};

use crate::served::{answering, http};
use crate::support::TrialResult;
use crate::{deployment, holds, lock, workspace};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("answers/rate_limits", rate_limits),
        Trial::test("answers/trouble", trouble),
        Trial::test("answers/silence", silence),
        Trial::test("answers/plain_http_elsewhere", plain_http_elsewhere),
        Trial::test("answers/no_registry", no_registry),
        Trial::test("answers/digests_that_are_none", odd_digests),
    ]
}

const MISSING: &str = "404 Not Found";

/// What is said of an image on a server that answers `/v2/` with `root`, and anything else with
/// `rest`.
fn said(
    root: String,
    rest: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> Result<String, Failed> {
    let port = answering(move |path| match path {
        // A greeting of TLS.
        "" => Some(http("400 Bad Request", "", "")),
        "/v2/" => Some(root.clone()),
        path => rest(path),
    })?;
    let dir = workspace(&[(
        "a.yaml",
        deployment("a", &format!("127.0.0.1:{port}/a:1"), "/etc/app.conf", ""),
    )])?;
    let said = lock(dir.path(), &["--timeout", "2"], 1)?;
    holds(
        &said,
        &["0 read, 0 kept, 1 failed; kubewright.lock not written"],
    )?;
    Ok(said.replace(&format!("127.0.0.1:{port}"), "HOST"))
}

fn ok() -> String {
    http("200 OK", "", "{}")
}

fn rate_limits() -> TrialResult {
    let limit = "HOST limits how much is pulled, and the limit is reached; try again later, or \
                 log in, which allows more: `docker login`";
    let envelope = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}"#;
    holds(
        &said(ok(), move |_| {
            Some(http("429 Too Many Requests", "", envelope))
        })?,
        &[limit],
    )?;
    holds(
        &said(ok(), |_| {
            Some(http("429 Too Many Requests", "", "slow down"))
        })?,
        &[limit],
    )
}

fn trouble() -> TrialResult {
    holds(
        &said(ok(), |_| Some(http("500 Internal Server Error", "", "")))?,
        &["HOST is in trouble itself: status 500; try again later"],
    )?;
    holds(
        &said(ok(), |_| Some(http("403 Forbidden", "", "")))?,
        &["HOST lets nobody read this image without credentials"],
    )?;
    let denied = r#"{"errors":[{"code":"DENIED","message":"no"}]}"#;
    holds(
        &said(ok(), move |_| Some(http("403 Forbidden", "", denied)))?,
        &["HOST lets nobody read this image without credentials"],
    )?;
    holds(
        &said(ok(), |_| Some(http(MISSING, "", "")))?,
        &["HOST does not have it; check the name and the tag of the image"],
    )?;
    // The connection breaks off in the middle.
    let cut = ok().replace("Content-Length: 2", "Content-Length: 2000");
    holds(
        &said(ok(), move |_| Some(cut.clone()))?,
        &["HOST cannot be reached: "],
    )
}

fn silence() -> TrialResult {
    holds(
        &said(ok(), |_| None)?,
        &[
            "HOST does not answer within 2 s; try again, or wait longer: `kubewright images lock \
             --timeout 300`",
        ],
    )
}

/// Neither a token service nor a redirect leads to plain HTTP on another machine.
fn plain_http_elsewhere() -> TrialResult {
    let refused = "HOST sends on to registry.example over plain HTTP, which is not spoken; if \
                   that is meant, `kubewright images lock --insecure-registry registry.example` \
                   allows it";
    let challenge =
        "WWW-Authenticate: Bearer realm=\"http://registry.example/token\",service=\"s\"\r\n";
    holds(
        &said(http("401 Unauthorized", challenge, ""), |_| None)?,
        &[refused],
    )?;
    let elsewhere = "Location: http://registry.example/v2/a/manifests/1\r\n";
    let refused = "HOST sends on to a place that cannot be reached, or over plain HTTP alone, \
                   which is not spoken: ";
    holds(
        &said(ok(), move |_| {
            Some(http("307 Temporary Redirect", elsewhere, ""))
        })?,
        &[refused],
    )
}

fn no_registry() -> TrialResult {
    holds(
        &said(ok(), |_| Some(http("200 OK", "", "<html>")))?,
        &["it has a manifest that is neither OCI's nor Docker's schema 2"],
    )?;
    holds(
        &said(ok(), |_| Some(http("204 No Content", "", "")))?,
        &["HOST is not understood: "],
    )?;
    let schema1 = r#"{"schemaVersion":1,"name":"a","fsLayers":[]}"#;
    holds(
        &said(ok(), move |_| Some(http("200 OK", "", schema1)))?,
        &["it is no container image, or a very old one"],
    )
}

fn odd_digests() -> TrialResult {
    let manifest = r#"{"config":{"digest":"sha256:../../x","size":2},"layers":[]}"#;
    holds(
        &said(ok(), move |_| Some(http("200 OK", "", manifest)))?,
        &["its manifest names a part by sha256:../../x, which is no SHA-256 digest"],
    )?;
    let index = r#"{"manifests":[{"digest":"sha512:00","platform":{"os":"linux","architecture":"amd64"}}]}"#;
    holds(
        &said(ok(), move |_| Some(http("200 OK", "", index)))?,
        &["its index names a manifest by sha512:00, which is no SHA-256 digest"],
    )
}
