//! Realistic manifests, the same for the same count: directories of ten files, each file a
//! Deployment, its Service and its `ConfigMap`.
//!
//! What real repositories have and costs something is there: comments, both indentations of
//! sequences, quotes, flow collections, block scalars that hold configuration, probes, resources,
//! every tenth directory with a kustomization, every hundredth file a custom resource definition
//! with two of its resources. One Deployment in four reads a Secret.
//!
//! One Deployment in forty reads its `ConfigMap` and has no hash of it, which is a finding with a
//! fix, every tenth of these mounts it through `subPath`; in one of twenty another tool takes care
//! of it, which is a remark. That is the share in real repositories which never saw kubewright: 70
//! of 2,843 files with findings, 149 remarks (the corpus of the project). One that was cleaned once
//! has fewer.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

/// Files in a directory.
const DIRECTORY: usize = 10;

/// A small generator of pseudo-random numbers (xorshift), so that files are the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (n as u64)).unwrap_or(0)
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.below(from.len())]
    }
}

/// One Deployment of so many has a finding.
pub(crate) const SHARE: usize = 40;

/// Writes `count` files below `dir`; returns their bytes. One Deployment of `share` has a finding.
pub(crate) fn files(dir: &Path, count: usize, share: usize) -> io::Result<u64> {
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    let mut bytes = 0;
    let mut names: Vec<String> = Vec::new();
    for index in 0..count {
        let directory = dir.join(format!(
            "team-{:03}/service-{:05}",
            index / DIRECTORY % 40,
            index / DIRECTORY
        ));
        if index % DIRECTORY == 0 {
            fs::create_dir_all(&directory)?;
            names.clear();
        }
        let text = if (index / DIRECTORY).is_multiple_of(10) && index % DIRECTORY == DIRECTORY - 1 {
            names.push("kustomization.yaml".into());
            let listed: Vec<String> = names
                .iter()
                .rev()
                .skip(1)
                .map(|n| format!("  - {n}\n"))
                .collect();
            let listed = listed.concat();
            format!(
                "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: \
                 prod\nresources:\n{listed}"
            )
        } else if index % 100 == 55 {
            names.push(format!("crd-{index:06}.yaml"));
            definition(&mut random, index)
        } else {
            names.push(format!("app-{index:06}.yaml"));
            manifest(&mut random, index, share)
        };
        bytes += text.len() as u64;
        fs::write(directory.join(&names[names.len() - 1]), text)?;
    }
    Ok(bytes)
}

const WORDS: [&str; 12] = [
    "billing", "catalog", "search", "gateway", "worker", "mailer", "reports", "ledger", "session",
    "media", "audit", "pricing",
];
const SETTINGS: [&str; 8] = [
    "timeout",
    "retries",
    "pool.size",
    "log.level",
    "cache.ttl",
    "queue.depth",
    "feature.new-checkout",
    "endpoint",
];

fn manifest(random: &mut Random, index: usize, share: usize) -> String {
    let name = format!("{}-{}-{index}", random.pick(&WORDS), random.pick(&WORDS));
    let (unhashed, reloaded, secret) = (
        random.below(share) == 0,
        random.below(20) == 0,
        random.below(4) == 0,
    );
    let (reads, sub_path) = (unhashed || reloaded, unhashed && random.below(10) == 0);
    let pad = if random.below(2) == 0 { "" } else { "  " };
    let mut out = String::with_capacity(4096);
    if random.below(3) == 0 {
        let _ = write!(
            out,
            "# {name}: owned by team {}, see the runbook before changing replicas\n---\n",
            random.pick(&WORDS)
        );
    }
    let _ = write!(
        out,
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: prod\n  \
         labels:\n    app.kubernetes.io/name: {name}\n    app.kubernetes.io/part-of: \"{}\"\n  \
         annotations:\n    example.com/owner: '{}@example.com'  # who is called at night\n\
         {}spec:\n  replicas: {}\n  revisionHistoryLimit: 3\n  selector:\n    matchLabels: \
         {{app.kubernetes.io/name: {name}}}\n  template:\n    metadata:\n      labels:\n        \
         app.kubernetes.io/name: {name}\n    spec:\n      serviceAccountName: default\n      \
         containers:\n",
        random.pick(&WORDS),
        random.pick(&WORDS),
        if reloaded && !unhashed {
            "    reloader.stakater.com/auto: \"true\"\n"
        } else {
            ""
        },
        1 + random.below(5)
    );
    for number in 0..=random.below(2) {
        let uses = Uses {
            config: reads,
            sub_path: sub_path && number == 0,
            secret,
        };
        container(random, &mut out, &name, number, pad, &uses);
    }
    if secret {
        let _ = write!(
            out,
            "      imagePullSecrets:\n      {pad}- name: registry\n"
        );
    }
    if reads {
        let _ = write!(
            out,
            "      volumes:\n      {pad}- name: config\n      {pad}  configMap:\n      {pad}    \
             name: {name}\n"
        );
    }
    let _ = write!(
        out,
        "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n  namespace: prod\n\
         spec:\n  type: ClusterIP\n  selector:\n    app.kubernetes.io/name: {name}\n  ports:\n    \
         - name: http\n      port: 80\n      targetPort: 8080\n    - {{name: metrics, port: \
         9090}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: \
         prod\ndata:\n  app.properties: |\n"
    );
    for _ in 0..4 + random.below(25) {
        let _ = writeln!(
            out,
            "    {}.{}={}",
            random.pick(&WORDS),
            random.pick(&SETTINGS),
            random.below(10_000)
        );
    }
    let _ = write!(
        out,
        "  logging.yaml: |-\n    level: {}\n    handlers:\n      - type: stdout\n        # json is \
         what the collector reads\n        format: json\n",
        random.pick(&["info", "debug", "warn"])
    );
    out
}

/// A custom resource definition as controller-gen writes it, and two of its resources.
fn definition(random: &mut Random, index: usize) -> String {
    let kind = format!("Sync{index}");
    let plural = format!("sync{index}s");
    let mut out = String::with_capacity(16_384);
    let _ = write!(
        out,
        "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  \
         annotations:\n    controller-gen.kubebuilder.io/version: v0.16.1\n  name: \
         {plural}.example.com\nspec:\n  group: example.com\n  names:\n    kind: {kind}\n    \
         listKind: {kind}List\n    plural: {plural}\n    singular: sync{index}\n  scope: \
         Namespaced\n  versions:\n  - additionalPrinterColumns:\n    - jsonPath: \
         .status.phase\n      name: Phase\n      type: string\n    name: v1\n    schema:\n      \
         openAPIV3Schema:\n        description: {kind} keeps two stores equal.\n        \
         properties:\n          apiVersion:\n            type: string\n          \
         kind:\n            type: string\n          metadata:\n            type: object\n          \
         spec:\n            description: What is wanted.\n            properties:\n"
    );
    for field in 0..15 + random.below(40) {
        let at = "              ";
        let _ = write!(
            out,
            "{at}{}{field}:\n{at}  description: |-\n{at}    The {} of the {}, as the {} sees \
             it.\n\n{at}    Cannot be changed: it is part of the \"{}\" key.\n",
            random.pick(&WORDS),
            random.pick(&SETTINGS),
            random.pick(&WORDS),
            random.pick(&WORDS),
            random.pick(&SETTINGS)
        );
        match random.below(3) {
            0 => {
                _ = write!(
                    out,
                    "{at}  type: string\n{at}  enum: [\"on\", \"off\", auto]\n"
                );
            }
            1 => {
                _ = write!(
                    out,
                    "{at}  format: int32\n{at}  minimum: 0\n{at}  type: integer\n"
                );
            }
            _ => {
                let _ = write!(
                    out,
                    "{at}  items:\n{at}    properties:\n{at}      key:\n{at}        maxLength: \
                     253\n{at}        pattern: ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$\n{at}        type: \
                     string\n{at}    required:\n{at}    - key\n{at}    type: object\n{at}  type: \
                     array\n"
                );
            }
        }
    }
    out.push_str(
        "            type: object\n        type: object\n    served: true\n    storage: true\n    \
         subresources:\n      status: {}\n",
    );
    for number in 0..2 {
        let _ = write!(
            out,
            "---\napiVersion: example.com/v1\nkind: {kind}\nmetadata:\n  name: {}-{number}\n  \
             namespace: prod\nspec:\n  {}0: \"on\"\n  limits: {{}}\n",
            random.pick(&WORDS),
            random.pick(&WORDS)
        );
    }
    out
}

/// What a container reads.
struct Uses {
    config: bool,
    sub_path: bool,
    secret: bool,
}

fn container(
    random: &mut Random,
    out: &mut String,
    name: &str,
    number: usize,
    pad: &str,
    uses: &Uses,
) {
    let at = format!("      {pad}");
    let _ = write!(
        out,
        "{at}- name: {}\n{at}  image: registry.example.com/{name}:v{}.{}.{}\n{at}  command: \
         [\"/usr/bin/app\", \"--listen=0.0.0.0:{}\"]\n{at}  env:\n",
        if number == 0 { "app" } else { "sidecar" },
        random.below(9),
        random.below(30),
        random.below(60),
        8080 + number
    );
    for env in 0..3 + random.below(8) {
        let key = format!("{}_{env}", random.pick(&WORDS).to_uppercase());
        let value = format!("{}-{}", random.pick(&WORDS), random.below(1000));
        match random.below(3) {
            0 if uses.secret => {
                let from = format!("secretKeyRef: {{name: {value}, key: password}}");
                let _ = write!(
                    out,
                    "{at}  {pad}- name: {key}\n{at}  {pad}  valueFrom:\n{at}  {pad}    {from}\n"
                );
            }
            0 => {
                _ = write!(
                    out,
                    "{at}  {pad}- name: {key}\n{at}  {pad}  value: \"{value}\"\n"
                );
            }
            1 => {
                _ = write!(
                    out,
                    "{at}  {pad}- name: {key}\n{at}  {pad}  value: {value}  # set by {}\n",
                    random.pick(&WORDS)
                );
            }
            _ => {
                let field = "valueFrom:\n";
                let _ = write!(
                    out,
                    "{at}  {pad}- name: {key}\n{at}  {pad}  {field}{at}  {pad}    fieldRef:\n{at}  \
                     {pad}      fieldPath: metadata.namespace\n"
                );
            }
        }
    }
    let _ = write!(
        out,
        "{at}  ports:\n{at}  {pad}- containerPort: {}\n{at}  resources:\n{at}    requests:\n\
         {at}      cpu: {}m\n{at}      memory: {}Mi\n{at}    limits: {{memory: 1Gi}}\n{at}  \
         readinessProbe:\n{at}    httpGet:\n{at}      path: /healthz\n{at}      port: {}\n{at}    \
         periodSeconds: 10\n",
        8080 + number,
        50 + random.below(950),
        64 + random.below(900),
        8080 + number
    );
    if uses.config {
        let _ = write!(
            out,
            "{at}  volumeMounts:\n{at}  {pad}- name: config\n{at}  {pad}  mountPath: /etc/app{}\n",
            if uses.sub_path { "/app.properties" } else { "" }
        );
        if uses.sub_path {
            let _ = writeln!(out, "{at}  {pad}  subPath: app.properties");
        }
    }
}
