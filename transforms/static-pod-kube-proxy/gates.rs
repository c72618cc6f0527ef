//! Feature gates in `--feature-gates` that Kubernetes has no longer: kube-proxy does not start with
//! one that it does not know.

use kubewright_model::finding::NoFix;
use kubewright_model::text;
use kubewright_model::text::Text;

use super::command::Call;
use super::draft::Draft;
use super::outdated::{remove, replace, value};
use super::version::Target;

const FLAG: &str = "feature-gates";

/// Gates, the version of Kubernetes 1.x that knows them no longer, and whether the feature is on
/// since: those of Services and nodes, and those that are passed to all components
/// (<https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates-removed/>).
const GONE: &[(&str, u32, bool)] = &[
    ("Accelerators", 12, false),
    ("AdvancedAuditing", 28, true),
    ("BlockVolume", 22, true),
    ("BoundServiceAccountTokenVolume", 24, true),
    ("CSIBlockVolume", 22, true),
    ("CSIDriverRegistry", 22, true),
    ("CSIInlineVolume", 27, true),
    ("CSIMigration", 27, true),
    ("CSINodeInfo", 23, true),
    ("CSIPersistentVolume", 17, true),
    ("CustomPodDNS", 17, true),
    ("DevicePlugins", 28, true),
    ("DynamicKubeletConfig", 26, false),
    ("EndpointSlice", 25, true),
    ("EndpointSliceNodeName", 25, true),
    ("EndpointSliceProxying", 25, true),
    ("EndpointSliceTerminatingCondition", 28, true),
    ("EphemeralContainers", 27, true),
    ("ExpandInUsePersistentVolumes", 27, true),
    ("ExpandPersistentVolumes", 27, true),
    ("ExperimentalCriticalPodAnnotation", 17, false),
    ("ExternalPolicyForExternalIP", 23, true),
    ("HugePages", 17, true),
    ("IPv6DualStack", 25, true),
    ("KubeProxyDrainingTerminatingNodes", 33, true),
    ("KubeletConfigFile", 11, false),
    ("LoadBalancerIPMode", 35, true),
    ("LocalStorageCapacityIsolation", 27, true),
    ("MinimizeIPTablesRestore", 30, true),
    ("MixedProtocolLBService", 28, true),
    ("MountPropagation", 15, true),
    ("NetworkPolicyEndPort", 27, true),
    ("NodeLease", 24, true),
    ("PersistentLocalVolumes", 17, true),
    ("PodPriority", 19, true),
    ("PodSecurity", 28, true),
    ("PodShareProcessNamespace", 20, true),
    ("ProxyTerminatingEndpoints", 30, true),
    ("RotateKubeletClientCertificate", 22, true),
    ("RuntimeClass", 25, true),
    ("SCTPSupport", 23, true),
    ("ScheduleDaemonSetPods", 19, true),
    ("ServiceAppProtocol", 23, true),
    ("ServiceIPStaticSubrange", 28, true),
    ("ServiceInternalTrafficPolicy", 28, true),
    ("ServiceLBNodePortControl", 26, true),
    ("ServiceLoadBalancerClass", 26, true),
    ("ServiceLoadBalancerFinalizer", 21, true),
    ("ServiceNodeExclusion", 23, true),
    ("ServiceTopology", 23, false),
    ("StartupProbe", 24, true),
    ("SupportIPVSProxyMode", 21, true),
    ("SupportNodePidsLimit", 24, true),
    ("SupportPodPidsLimit", 24, true),
    ("Sysctls", 23, true),
    ("TTLAfterFinished", 25, true),
    ("TaintBasedEvictions", 21, true),
    ("TaintNodesByCondition", 19, true),
    ("TokenRequest", 22, true),
    ("VolumeScheduling", 17, true),
    ("VolumeSnapshotDataSource", 23, true),
    ("WindowsEndpointSliceProxying", 25, true),
];

/// A gate of the flag that the version knows no longer.
struct Gate<'a> {
    /// `Name=true`, as written.
    text: &'a str,
    since: u32,
    /// Whether the feature is as it says.
    holds: bool,
}

fn gate<'a>(text: &'a str, target: &Target) -> Option<Gate<'a>> {
    let (name, wanted) = text.trim().split_once('=')?;
    let (_, since, on) = GONE.iter().find(|(gone, ..)| *gone == name.trim())?;
    let wanted = wanted.trim().eq_ignore_ascii_case("true");
    (!target.is_before(*since)).then_some(Gate {
        text,
        since: *since,
        holds: wanted == *on,
    })
}

/// Takes out the gates that are gone, where the feature is what they ask for.
pub(super) fn mend(draft: &mut Draft, target: &Target, notes: &mut Vec<Text>) -> Result<(), NoFix> {
    let Some(all) = value(draft.root()?, FLAG) else {
        return Ok(());
    };
    let gone = |text: &&str| gate(text, target).is_some_and(|gate| gate.holds);
    let (out, kept): (Vec<&str>, Vec<&str>) = all.split(',').partition(gone);
    if out.is_empty() {
        return Ok(());
    }
    if kept.is_empty() {
        remove(draft, FLAG)?;
    } else {
        replace(draft, FLAG, &format!("--{FLAG}={}", kept.join(",")))?;
    }
    for gate in out.into_iter().filter_map(|text| gate(text, target)) {
        notes.push(text![
            "feature gate ",
            gate.text.trim(),
            format!(
                " is taken out: it is gone since Kubernetes 1.{}, where what it asks for holds \
                 always",
                gate.since
            )
        ]);
    }
    Ok(())
}

/// The gates that are gone and ask for what the version cannot do.
pub(super) fn left(call: &Call<'_>, target: &Target) -> Vec<Text> {
    let Some(flag) = call.flag(FLAG) else {
        return Vec::new();
    };
    let gates = flag.value.split(',').filter_map(|text| gate(text, target));
    gates
        .filter(|gate| !gate.holds)
        .map(|gate| {
            text![
                "feature gate ",
                gate.text.trim(),
                format!(
                    " keeps kube-proxy from starting since Kubernetes 1.{}, where it is gone and \
                     the opposite holds: take it out once the cluster can do without it",
                    gate.since
                )
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::GONE;

    #[test]
    fn each_gate_once_and_in_order() {
        assert!(GONE.is_sorted_by(|a, b| a.0 < b.0));
    }
}
