//! Stories that are no single mount of a Deployment: kinds that cannot be changed in place, pods
//! that choose their own file, containers that come before the others, and rollouts.

use std::time::{Duration, Instant};

use libtest_mimic::Failed;

use super::place::{IMAGE, Image, Place, config, fixed, left};
use super::raised::Cluster;
use super::support::{TrialResult, ensure};

/// A story and its name.
type Story = (&'static str, fn(&Cluster) -> TrialResult);

pub(super) const STORIES: &[Story] = &[
    (
        "rollout/the-mount-stays-and-the-hash-renews-all-pods",
        rollout,
    ),
    ("sub-path-expr/each-pod-its-own-file", own_file),
    ("job/is-deleted-and-made-again", job),
    (
        "linked-directory/job-is-deleted-and-made-again",
        job_with_a_directory,
    ),
    ("linked-directory/quota", quota),
    ("cron-job/the-next-run", cron_job),
    ("init-container/each-run-reads-anew", init_container),
    ("sidecar/link", sidecar),
    ("pod/is-deleted-and-made-again", bare_pod),
    ("secret/link", secret),
    ("immutable/never-changes", immutable),
    ("type-of-a-volume/another-manager", another_manager),
    ("exec/what-becomes-process-1", signals),
];

const VOLUMES: &str = "volumes: [{name: config, configMap: {name: web-config}}]";
const READ_ONLY: &str = "  securityContext: {readOnlyRootFilesystem: true}\n";
const MOUNTS: &str = "volumeMounts: [{name: config, mountPath: /app/web.conf, subPath: web.conf}]";

/// A pod's spec, with this before its containers.
fn pod(restart: &str, indent: usize, init: &str, container: &str) -> String {
    let mut text = String::from("terminationGracePeriodSeconds: 0\n");
    text.push_str(restart);
    text.push_str(init);
    text.push_str(container);
    text.push_str(VOLUMES);
    let blanks = " ".repeat(indent);
    text.lines()
        .flat_map(|line| [&*blanks, line, "\n"])
        .collect()
}

fn container(name: &str, fields: &str) -> String {
    format!("- name: {name}\n  image: IMAGE\n  {MOUNTS}\n{fields}")
}

fn deployment(replicas: u32, init: &str, containers: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: \
         {replicas}\n  selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata:\n      \
         labels: {{app: web}}\n    spec:\n{}",
        pod("", 6, init, &format!("containers:\n{containers}"))
    )
}

fn start<'c>(cluster: &'c Cluster, image: Image, manifest: &str) -> Result<Place<'c>, Failed> {
    let place = Place::new(cluster, image)?;
    place.write("config.yaml", &config(&[("web.conf", "first")]))?;
    place.write("web.yaml", manifest)?;
    Ok(place)
}

/// Waits until something holds.
fn until(what: &str, mut holds: impl FnMut() -> Result<bool, Failed>) -> TrialResult {
    let end = Instant::now() + Duration::from_secs(120);
    while !holds()? {
        ensure(Instant::now() < end, || format!("never: {what}"))?;
        std::thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

/// Nothing is known of the image: the mount stays, one of two pods that restarts runs with another
/// configuration than its sibling, and the hash replaces both.
fn rollout(cluster: &Cluster) -> TrialResult {
    let place = start(cluster, IMAGE, &deployment(2, "", &container("web", "")))?;
    let said = place.fix()?;
    left(&said, "entrypoint-unknown", "info")?;
    place.apply()?;
    place.kubectl(&["rollout", "status", "deployment/web", "--timeout=120s"])?;
    let seen = place.settled("web", "web")?;
    place.update(&seen, "first", "second")?;
    let again = place.restart("web", "web", &seen)?;
    let texts = texts(&place, &["web"])?;
    ensure(
        texts.len() == 2
            && texts.iter().any(|t| t == "first")
            && texts.iter().any(|t| t == "second"),
        || format!("not two configurations at once: {texts:?} {again:?}"),
    )?;
    place.fix()?;
    place.apply()?;
    place.kubectl(&["rollout", "status", "deployment/web", "--timeout=120s"])?;
    until("both pods have the new content", || {
        let texts = self::texts(&place, &["web"])?;
        Ok(texts.len() == 2 && texts.iter().all(|text| text == "second"))
    })?;
    place.end()
}

/// What the file says in all pods that are not on their way out.
fn texts(place: &Place<'_>, containers: &[&str]) -> Result<Vec<String>, Failed> {
    let pods = place
        .cluster
        .json(&["-n", &place.namespace, "get", "pods"])?;
    let mut texts = Vec::new();
    for pod in pods["items"].as_array().into_iter().flatten() {
        let metadata = &pod["metadata"];
        let (true, Some(pod)) = (
            metadata["deletionTimestamp"].is_null(),
            metadata["name"].as_str(),
        ) else {
            continue;
        };
        for container in containers {
            let words = ["cat", "/app/web.conf"];
            let namespace = &place.namespace;
            let said = place.cluster.inside(namespace, pod, container, &words)?;
            texts.extend(said);
        }
    }
    Ok(texts)
}

/// Each pod of a StatefulSet has the file of its name; where the ConfigMap has none for it, an
/// empty directory.
fn own_file(cluster: &Cluster) -> TrialResult {
    let fields = "  env: [{name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]\n";
    let container =
        container("web", fields).replace("subPath: web.conf", "subPathExpr: $(POD).conf");
    let manifest = deployment(3, "", &container)
        .replace("kind: Deployment", "kind: StatefulSet")
        .replace("spec:\n  replicas", "spec:\n  serviceName: web\n  replicas");
    let place = start(cluster, IMAGE, &manifest)?;
    place.write(
        "config.yaml",
        &config(&[("web-0.conf", "zero"), ("web-1.conf", "one")]),
    )?;
    place.lock()?;
    let said = place.fix()?;
    ensure(said.iter().any(|said| said.severity == "error"), || {
        format!("{said:?}")
    })?;
    place.apply()?;
    for (pod, expected) in [
        ("web-0", Some("zero")),
        ("web-1", Some("one")),
        ("web-2", None),
    ] {
        let seen = place.settled(pod, "web")?;
        ensure(seen.state == "running", || format!("{pod}: {}", seen.state))?;
        let text = place.text(&seen, "web", "/app/web.conf")?;
        ensure(text.as_deref() == expected, || format!("{pod}: {text:?}"))?;
        if expected.is_none() {
            let listed = place.listed(&seen, "web", "/app/web.conf")?;
            ensure(listed.as_deref() == Some(""), || {
                format!("{pod}: {listed:?}")
            })?;
        }
    }
    place.end()
}

const RUNS_ONCE: Image = Image {
    program: "#!/bin/sh\ncat /app/web.conf\n",
    entrypoint: &["/usr/local/bin/web"],
    ..IMAGE
};

fn job(cluster: &Cluster) -> TrialResult {
    job_of(cluster, "", "link the file from the entrypoint")
}

fn job_with_a_directory(cluster: &Cluster) -> TrialResult {
    job_of(cluster, READ_ONLY, "make /app an emptyDir")
}

fn job_of(cluster: &Cluster, fields: &str, title: &str) -> TrialResult {
    let manifest = format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: web}}\nspec:\n  template:\n    \
         spec:\n{}",
        pod(
            "restartPolicy: Never\n",
            6,
            "",
            &format!("containers:\n{}", container("web", fields))
        )
    );
    let place = start(cluster, RUNS_ONCE, &manifest)?;
    place.lock()?;
    place.apply()?;
    let printed = |expected: &str| {
        until("the job prints its file", || {
            Ok(place
                .kubectl(&["logs", "job/web"])
                .is_ok_and(|log| log == expected))
        })
    };
    printed("first")?;
    fixed(&place.fix()?, "unsafe", title)?;
    let (held, said) = place.try_apply()?;
    ensure(!held && said.contains("immutable"), || {
        format!("a Job is changed in place: {said}")
    })?;
    place.kubectl(&["delete", "job", "web"])?;
    place.edit("config.yaml", "first", "second")?;
    place.apply()?;
    printed("second")?;
    place.end()
}

/// The init container asks for what the container asks for: a namespace that wants that of each
/// container takes the pod.
fn quota(cluster: &Cluster) -> TrialResult {
    let fields = format!(
        "{READ_ONLY}  resources: {{requests: {{memory: 16Mi}}, limits: {{memory: 64Mi}}}}\n"
    );
    let place = start(
        cluster,
        IMAGE,
        &deployment(1, "", &container("web", &fields)),
    )?;
    place.cluster.apply(
        &place.namespace,
        "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: all}\nspec: {hard: \
         {requests.memory: 1Gi, limits.memory: 1Gi}}\n",
    )?;
    place.lock()?;
    place.apply()?;
    let seen = place.settled("web", "web")?;
    fixed(&place.fix()?, "unsafe", "make /app an emptyDir")?;
    place.apply()?;
    let seen = place.replaced("web", "web", &seen)?;
    place.update(&seen, "first", "second")?;
    let text = place.text(&seen, "web", "/app/web.conf")?;
    ensure(text.as_deref() == Some("second"), || {
        format!("after: {text:?}")
    })?;
    let listed = place.listed(&seen, "web", "/app")?;
    ensure(
        listed
            .as_deref()
            .is_some_and(|all| all.contains("beside.txt")),
        || format!("what the image has is gone: {listed:?}"),
    )?;
    place.end()
}

fn cron_job(cluster: &Cluster) -> TrialResult {
    let manifest = format!(
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: web}}\nspec:\n  schedule: '0 0 1 \
         1 *'\n  jobTemplate:\n    spec:\n      template:\n        spec:\n{}",
        pod(
            "restartPolicy: Never\n",
            10,
            "",
            &format!("containers:\n{}", container("web", ""))
        )
    );
    let place = start(cluster, RUNS_ONCE, &manifest)?;
    place.lock()?;
    place.apply()?;
    let run = |name: &str, expected: &str| {
        place.kubectl(&["create", "job", name, "--from=cronjob/web"])?;
        until("the run prints its file", || {
            let log = place.kubectl(&["logs", &format!("job/{name}")]);
            Ok(log.is_ok_and(|log| log == expected))
        })
    };
    run("before", "first")?;
    let said = place.fix()?;
    fixed(&said, "unsafe", "link the file")?;
    // Each run reads anew, so it is worth knowing and no more.
    ensure(said.iter().all(|said| said.severity == "info"), || {
        format!("{said:?}")
    })?;
    place.edit("config.yaml", "first", "second")?;
    place.apply()?;
    run("after", "second")?;
    place.end()
}

fn init_container(cluster: &Cluster) -> TrialResult {
    let init = format!(
        "initContainers:\n{}",
        container(
            "prepare",
            "  command: [sh, -c, cat /app/web.conf; exit 0]\n"
        )
    );
    let main = "- name: web\n  image: IMAGE\n  command: [/usr/local/bin/web]\n";
    let place = start(cluster, IMAGE, &deployment(1, &init, main))?;
    place.lock()?;
    place.apply()?;
    let seen = place.settled("web", "web")?;
    let log = place.log(&seen, "prepare")?;
    ensure(log == "first", || format!("before: {log}"))?;
    let said = place.fix()?;
    fixed(&said, "unsafe", "link the file")?;
    ensure(said.iter().all(|said| said.severity == "info"), || {
        format!("{said:?}")
    })?;
    place.edit("config.yaml", "first", "second")?;
    place.apply()?;
    let seen = place.replaced("web", "web", &seen)?;
    let log = place.log(&seen, "prepare")?;
    ensure(log == "second", || format!("after: {log}"))?;
    place.end()
}

fn sidecar(cluster: &Cluster) -> TrialResult {
    let init = format!(
        "initContainers:\n{}",
        container(
            "side",
            "  restartPolicy: Always\n  command: [/usr/local/bin/web, side]\n"
        )
    );
    let main = "- name: web\n  image: IMAGE\n  command: [/usr/local/bin/web]\n";
    let place = start(cluster, IMAGE, &deployment(1, &init, main))?;
    place.lock()?;
    place.apply()?;
    place.settled("web", "web")?;
    let seen = place.settled("web", "side")?;
    let old = place.look(&seen, "side", "/app/web.conf")?;
    place.update(&seen, "first", "second")?;
    let text = place.text(&seen, "side", "/app/web.conf")?;
    ensure(text.as_deref() == Some("first"), || {
        format!("before: {text:?}")
    })?;
    let said = place.fix()?;
    ensure(
        said.iter().all(|said| said.title.contains("link the file")),
        || format!("{said:?}"),
    )?;
    place.apply()?;
    let seen = place.replaced("web", "side", &seen)?;
    let new = place.look(&seen, "side", "/app/web.conf")?;
    ensure(
        new.words == old.words && new.environment == old.environment,
        || format!("{old:?} {new:?}"),
    )?;
    place.update(&seen, "second", "third")?;
    let text = place.text(&seen, "side", "/app/web.conf")?;
    ensure(text.as_deref() == Some("third"), || {
        format!("after: {text:?}")
    })?;
    place.end()
}

fn bare_pod(cluster: &Cluster) -> TrialResult {
    let manifest = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n{}",
        pod("", 2, "", &format!("containers:\n{}", container("web", "")))
    );
    let place = start(cluster, IMAGE, &manifest)?;
    place.lock()?;
    place.apply()?;
    let seen = place.settled("web", "web")?;
    fixed(&place.fix()?, "unsafe", "link the file")?;
    let (held, said) = place.try_apply()?;
    ensure(!held && said.contains("may not change"), || {
        format!("a pod is changed in place: {said}")
    })?;
    place.kubectl(&["delete", "pod", "web"])?;
    place.apply()?;
    let seen = place.replaced("web", "web", &seen)?;
    place.update(&seen, "first", "second")?;
    let text = place.text(&seen, "web", "/app/web.conf")?;
    ensure(text.as_deref() == Some("second"), || {
        format!("after: {text:?}")
    })?;
    place.end()
}

fn secret(cluster: &Cluster) -> TrialResult {
    let manifest = deployment(1, "", &container("web", "")).replace(
        "configMap: {name: web-config}",
        "secret: {secretName: web-config, defaultMode: 256}",
    );
    let place = start(cluster, IMAGE, &manifest)?;
    place.write(
        "config.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: web-config}\nstringData: {web.conf: \
         first}\n",
    )?;
    place.lock()?;
    place.apply()?;
    let seen = place.settled("web", "web")?;
    let old = place.look(&seen, "web", "/app/web.conf")?;
    place.update(&seen, "first", "second")?;
    let text = place.text(&seen, "web", "/app/web.conf")?;
    ensure(text.as_deref() == Some("first"), || {
        format!("before: {text:?}")
    })?;
    fixed(&place.fix()?, "safe", "link the file")?;
    place.apply()?;
    let seen = place.replaced("web", "web", &seen)?;
    let new = place.look(&seen, "web", "/app/web.conf")?;
    ensure(new.mode == old.mode && new.words == old.words, || {
        format!("{old:?} {new:?}")
    })?;
    place.update(&seen, "second", "third")?;
    let text = place.text(&seen, "web", "/app/web.conf")?;
    ensure(text.as_deref() == Some("third"), || {
        format!("after: {text:?}")
    })?;
    place.end()
}

fn immutable(cluster: &Cluster) -> TrialResult {
    let place = start(cluster, IMAGE, &deployment(1, "", &container("web", "")))?;
    place.edit(
        "config.yaml",
        "kind: ConfigMap",
        "kind: ConfigMap\nimmutable: true",
    )?;
    place.lock()?;
    left(&place.fix()?, "immutable", "info")?;
    place.apply()?;
    place.edit("config.yaml", "first", "second")?;
    let (held, said) = place.try_apply()?;
    ensure(!held && said.contains("immutable"), || {
        format!("it changes: {said}")
    })?;
    place.end()
}

/// A volume changes its type under its name: the manager that made it may do so, another one is
/// refused, and nothing has changed then.
fn another_manager(cluster: &Cluster) -> TrialResult {
    let place = start(cluster, IMAGE, &deployment(1, "", &container("web", "")))?;
    place.lock()?;
    let server_side = |manager: &str| {
        let text = place.read("web.yaml")?;
        place.cluster.server_side(&place.namespace, manager, &text)
    };
    place.kubectl(&[
        "create",
        "configmap",
        "web-config",
        "--from-literal=web.conf=first",
    ])?;
    let (held, said) = server_side("one")?;
    ensure(held, || said.clone())?;
    fixed(&place.fix()?, "safe", "link the file")?;
    let (held, said) = server_side("other")?;
    ensure(
        !held && said.contains("may not specify more than 1 volume type"),
        || format!("another manager: {held} {said}"),
    )?;
    let (held, said) = server_side("one")?;
    ensure(held, || format!("the same manager: {said}"))?;
    place.end()
}

/// The script is replaced by the program, so that signals reach it: it ends by itself, with its own
/// status, and long before it would be killed.
fn signals(cluster: &Cluster) -> TrialResult {
    let image = Image {
        program: "#!/bin/sh\ntrap 'echo told to end; exit 7' TERM\nwhile :; do sleep 1; done\n",
        ..IMAGE
    };
    let place = start(cluster, image, &deployment(1, "", &container("web", "")))?;
    place.lock()?;
    fixed(&place.fix()?, "safe", "link the file")?;
    place.apply()?;
    let seen = place.settled("web", "web")?;
    place
        .cluster
        .inside(&place.namespace, &seen.pod, "web", &["kill", "-TERM", "1"])?;
    until("the program ends when it is told to", || {
        let path = "jsonpath={.items[*].status.containerStatuses[0].lastState.terminated.exitCode}";
        Ok(place.kubectl(&["get", "pods", "-o", path])?.trim() == "7")
    })?;
    place.end()
}
