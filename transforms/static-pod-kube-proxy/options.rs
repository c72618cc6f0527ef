//! The options of `static-pod-kube-proxy`.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::version::minor_version;

/// The table `[transforms.static-pod-kube-proxy]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own in the configuration"
)]
pub(crate) struct Options {
    /// Whether it runs.
    pub(crate) enabled: bool,
    /// Convert the file in place instead of writing the DaemonSet beside it.
    pub(crate) replace: bool,
    /// Put the gate label `node.kubernetes.io/kube-proxy-ds-ready` into the node selector.
    pub(crate) gate_label: bool,
    /// Ask the API server as ServiceAccount `kube-proxy`, not with the kubeconfig of the node.
    pub(crate) service_account: bool,
    /// Put the flags into a `KubeProxyConfiguration` in a ConfigMap.
    pub(crate) config_map: bool,
    /// The minor version of Kubernetes that the DaemonSet is for, 14 of `"1.14"`; else the tag of
    /// the image says it.
    #[serde(deserialize_with = "kubernetes_minor")]
    pub(crate) kubernetes_version: Option<u32>,
    /// The API server for a kube-proxy whose `--master` is the node itself.
    #[serde(deserialize_with = "endpoint")]
    pub(crate) api_server: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            enabled: true,
            replace: false,
            gate_label: true,
            service_account: false,
            config_map: false,
            kubernetes_version: None,
            api_server: None,
        }
    }
}

/// An address of an API server. That of the Service `kubernetes` works only after kube-proxy does.
fn endpoint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .unwrap_or("");
    let host = host.split(['/', ':']).next().unwrap_or("");
    if host.is_empty() || text.contains(char::is_whitespace) {
        return Err(D::Error::custom(format!(
            "`{text}` is no address of an API server, such as \"https://api.example.com:6443\""
        )));
    }
    if host == "kubernetes" || host.starts_with("kubernetes.default") {
        return Err(D::Error::custom(format!(
            "`{text}` is the Service kubernetes, which works only after kube-proxy does"
        )));
    }
    Ok(Some(text))
}

/// The minor version in `1.14`, `v1.14` or `1.14.3`; a string, because the number 1.30 is 1.3.
fn kubernetes_minor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match minor_version(&text) {
        Some(minor) => Ok(Some(minor)),
        None => Err(D::Error::custom(format!(
            "`{text}` is no version of Kubernetes, such as \"1.30\""
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[test]
    fn versions_and_endpoints() {
        let read = |key: &str, value: serde_json::Value| {
            serde_json::from_value::<Options>(serde_json::json!({ key: value }))
        };
        for (text, minor) in [("1.30", 30), ("v1.9.6", 9)] {
            assert_eq!(
                read("kubernetes-version", text.into())
                    .ok()
                    .and_then(|s| s.kubernetes_version),
                Some(minor),
                "{text}"
            );
        }
        // The number 1.30 would be 1.3.
        for wrong in [
            serde_json::json!(1.30),
            "30".into(),
            "1".into(),
            "latest".into(),
        ] {
            assert!(
                read("kubernetes-version", wrong.clone()).is_err(),
                "{wrong}"
            );
        }
        for right in ["https://api.example.com:6443", "https://127.0.0.1:6443"] {
            assert!(read("api-server", right.into()).is_ok(), "{right}");
        }
        for wrong in [
            "api.example.com",
            "https://",
            "https://kubernetes.default.svc",
            "https://kubernetes",
        ] {
            assert!(read("api-server", wrong.into()).is_err(), "{wrong}");
        }
    }
}
