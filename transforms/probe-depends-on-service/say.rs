//! What is said about probes that ask something else than their own container.

use kubewright_model::finding::{Applicability, Change, Finding, Fix, Location, NoFix, Severity};
use kubewright_model::kube::Workspace;
use kubewright_model::text;
use kubewright_model::text::{Named, Text, Verbatim};
use kubewright_model::yaml::Node;

use super::codes::Code;
use super::services::{Services, Target};
use super::{Kind, META, Question};

/// What a question asks.
fn asked(services: &Services<'_>, target: &Target) -> Text {
    match target {
        Target::Services(found) => {
            let first = found.first().and_then(|at| services.get(*at));
            Named::new("Service", first.map_or("", |service| service.name)).into()
        }
        Target::Named(name) => Named::new("Service", name).into(),
        Target::Host(host) => Verbatim(host).into(),
    }
}

/// `the liveness probe`, `the liveness and readiness probes`.
fn probes(question: &Question<'_>) -> String {
    let mut kinds: Vec<&str> = question
        .probes
        .iter()
        .map(|(kind, ..)| word(*kind))
        .collect();
    kinds.dedup();
    match kinds.as_slice() {
        [one] => format!("the {one} probe"),
        _ => format!("the {} probes", Text::list(kinds)),
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Liveness => "liveness",
        Kind::Readiness => "readiness",
        Kind::Startup => "startup",
    }
}

/// What happens to the workload when a probe gets no answer.
fn happens(question: &Question<'_>) -> &'static str {
    let has = |wanted: Kind| question.probes.iter().any(|(kind, ..)| *kind == wanted);
    match (
        has(Kind::Liveness),
        has(Kind::Startup),
        has(Kind::Readiness),
    ) {
        (true, _, true) => "this container is restarted again and again, and gets no requests",
        (true, _, false) => "this container is restarted again and again",
        (false, true, _) => "no new container gets past its start",
        (false, false, _) => "this pod gets no requests either",
    }
}

/// A question that stands alone.
pub(super) fn alone(
    workspace: &Workspace,
    services: &Services<'_>,
    question: &Question<'_>,
) -> Option<Finding> {
    let who = workspace.resource(question.resource).display();
    let asked = asked(services, &question.target);
    let start = text![
        probes(question),
        " of container ",
        question.container,
        " in ",
        who
    ];
    let (severity, message, reason) = if question.own {
        let waits = question
            .probes
            .iter()
            .any(|(kind, ..)| *kind != Kind::Liveness);
        let happens = if waits {
            "while none is ready, none becomes ready"
        } else {
            "while none is ready, all are restarted"
        };
        let message = text![
            start,
            if question.probes.len() == 1 {
                " asks "
            } else {
                " ask "
            },
            &asked,
            " of its own pods: another pod answers for a broken one, and ",
            happens
        ];
        let text = text!["ask the container itself, at ", Verbatim("127.0.0.1")];
        (
            Severity::Warning,
            message,
            NoFix::new(Code::AsksItself, text),
        )
    } else {
        other(question, &start, &asked)
    };
    let severity = if question.is_unresolved() {
        Severity::Warning
    } else {
        severity
    };
    let mut notes = Vec::new();
    if question.is_unresolved() {
        notes.push(text![
            "the kubelet asks from the node, whose DNS does not know Services as a rule: the probe \
             fails with ",
            Verbatim("no such host")
        ]);
    }
    let place = question.location(workspace)?;
    let file = place.file;
    let more = question.probes.iter().skip(1);
    let related = more.map(|(kind, node, _)| {
        (
            Location::of(file, *node),
            text!["the ", word(*kind), " probe"],
        )
    });
    let finding = META
        .finding(severity, place, message)
        .about(question.resource)
        .subject("asks", [question.container, question.host.as_str()])
        .related(related.collect::<Vec<_>>())
        .notes(notes);
    Some(finding.fix(without_host(question, file).ok_or(reason)))
}

fn other(question: &Question<'_>, start: &Text, asked: &Text) -> (Severity, Text, NoFix) {
    let severity = if question.restarts() {
        Severity::Warning
    } else {
        Severity::Info
    };
    let message = text![
        start.clone(),
        if question.probes.len() == 1 {
            " asks "
        } else {
            " ask "
        },
        asked,
        ": when that does not answer, ",
        happens(question),
        ", though nothing is wrong with it"
    ];
    let reason = match &question.target {
        Target::Host(_) => NoFix::new(
            Code::OtherHost,
            text![
                "have the probe ask its own container; the name that it is asked by goes into \
                 header ",
                Verbatim("Host"),
                " in ",
                Verbatim("httpHeaders")
            ],
        ),
        Target::Services(_) | Target::Named(_) => NoFix::new(
            Code::OtherService,
            text![
                "have the probe ask its own container; an alert tells whether ",
                asked,
                " answers"
            ],
        ),
    };
    (severity, message, reason)
}

/// Where the kubelet itself asks at a port of the container, the host can go: it asks the pod then.
fn without_host(question: &Question<'_>, file: kubewright_model::kube::FileId) -> Option<Fix> {
    let [(_, host, true)] = question.probes.as_slice() else {
        return None;
    };
    let port = host.parent()?.get("port").and_then(Node::text)?;
    let containers = question.template.containers();
    let container = containers.iter().find(|c| c.name == question.container)?;
    let ports = container
        .node
        .get("ports")
        .into_iter()
        .flat_map(Node::items);
    let mut texts = ports.flat_map(|p| ["containerPort", "name"].map(|key| p.get(key)));
    let known = texts.any(|text| text.and_then(Node::text) == Some(port));
    let edit = host.remove().ok().filter(|_| known)?;
    Some(Fix {
        title: text![
            "remove ",
            Verbatim(&format!("host: {}", question.host)),
            ": the kubelet asks the pod itself then"
        ],
        applicability: Applicability::DisplayOnly,
        changes: vec![Change::Edit(file, edit)],
        claims: vec![question.resource],
    })
}

/// Questions that hang together.
pub(super) fn together(
    workspace: &Workspace,
    services: &Services<'_>,
    parts: &[&Question<'_>],
    circle: bool,
) -> Option<Finding> {
    let steps: Vec<Text> = parts
        .iter()
        .map(|question| {
            let kinds: Vec<&str> = question
                .probes
                .iter()
                .map(|(kind, ..)| word(*kind))
                .collect();
            text![
                workspace.resource(question.resource).display(),
                " asks ",
                asked(services, &question.target),
                format!(" ({})", Text::list(kinds))
            ]
        })
        .collect();
    let (then, code) = if circle {
        (
            "when one is down all go down, and each waits for the others to come back",
            Code::Circle,
        )
    } else {
        ("when the last is down, all before it go down", Code::Chain)
    };
    let message = text![Text::list(steps), " in their probes: ", then];
    let restarts = parts.iter().any(|question| question.restarts());
    let severity = if circle || restarts {
        Severity::Warning
    } else {
        Severity::Info
    };
    let (first, rest) = parts.split_first()?;
    let related = rest.iter().filter_map(|question| {
        let who = workspace.resource(question.resource).display();
        Some((
            question.location(workspace)?,
            text![who, " asks ", asked(services, &question.target)],
        ))
    });
    let names = parts.iter().map(|question| {
        let resource = workspace.resource(question.resource);
        format!("{} {} {}", resource.kind, resource.name, question.host)
    });
    let text = "have each probe ask its own container; an alert tells whether a Service answers";
    Some(
        META.finding(severity, first.location(workspace)?, message)
            .about(first.resource)
            .subject("together", names)
            .related(related)
            .fix(Err(NoFix::new(code, text))),
    )
}
