//! Thresholds of eviction, as a kubelet reads them (docs/kubernetes.md#eviction-thresholds).

/// The thresholds that a kubelet has where none are given.
pub(super) const DEFAULTS: &[(&str, &str)] = &[
    ("memory.available", "100Mi"),
    ("nodefs.available", "10%"),
    ("nodefs.inodesFree", "5%"),
    ("imagefs.available", "15%"),
    (IMAGE_INODES, "5%"),
];
/// The default that came last; older kubelets have none for it.
pub(super) const IMAGE_INODES: &str = "imagefs.inodesFree";
/// All that can be given a threshold.
const SIGNALS: &[&str] = &[
    "allocatableMemory.available",
    "containerfs.available",
    "containerfs.inodesFree",
    IMAGE_INODES,
    "imagefs.available",
    "memory.available",
    "nodefs.available",
    "nodefs.inodesFree",
    "pid.available",
];
/// From which usage of the disk on a kubelet collects images, in percent, unless it is told.
pub(super) const GC_HIGH: i64 = 85;

/// Whether something can be given a threshold.
pub(super) fn is_signal(text: &str) -> bool {
    SIGNALS.contains(&text)
}

/// Whether a text begins with something that can be given a threshold.
pub(super) fn begins_with_signal(text: &str) -> bool {
    SIGNALS.iter().any(|signal| text.starts_with(signal))
}

/// What is given for `evictionHard`: signals and thresholds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given(pub(super) Vec<(String, String)>);

impl Given {
    /// Reads the value of the flag: `memory.available<100Mi,nodefs.available<10%`; `None` where it
    /// is no such value, or something else fills it in.
    pub(super) fn of_flag(value: &str) -> Option<Self> {
        let pairs = value
            .split(',')
            .filter(|part| !part.trim().is_empty())
            .map(|part| {
                let (signal, threshold) = part.split_once('<')?;
                let (signal, threshold) = (signal.trim(), threshold.trim());
                (is_signal(signal) && !threshold.is_empty())
                    .then(|| (signal.to_owned(), threshold.to_owned()))
            });
        let pairs: Vec<_> = pairs.collect::<Option<_>>()?;
        (!pairs.is_empty()).then_some(Self(pairs))
    }

    /// The value of the flag.
    pub(super) fn flag(&self) -> String {
        let parts: Vec<String> = self.0.iter().map(|(s, t)| format!("{s}<{t}")).collect();
        parts.join(",")
    }

    fn threshold(&self, signal: &str) -> Option<&str> {
        let found = self.0.iter().find(|(given, _)| given == signal);
        found.map(|(_, threshold)| threshold.as_str())
    }

    /// The defaults that count as zero because other thresholds are given. Where eviction for the
    /// disk is switched off by zeros, its other thresholds are meant to be off too.
    pub(super) fn silenced(&self) -> Vec<(&'static str, &'static str)> {
        let of_disk = |signal: &str| signal.starts_with("nodefs") || signal.starts_with("imagefs");
        let mut disk = self
            .0
            .iter()
            .filter(|(signal, _)| of_disk(signal))
            .peekable();
        let off = disk.peek().is_some() && disk.all(|(_, threshold)| is_zero(threshold));
        let silenced = DEFAULTS
            .iter()
            .filter(|(signal, _)| self.threshold(signal).is_none() && !(off && of_disk(signal)));
        silenced.copied().collect()
    }

    /// The threshold of a signal in percent.
    pub(super) fn percent(&self, signal: &str) -> Option<f64> {
        self.threshold(signal)?
            .strip_suffix('%')?
            .trim()
            .parse()
            .ok()
    }
}

fn is_zero(threshold: &str) -> bool {
    let number = threshold.trim_end_matches(|c: char| c == '%' || c.is_ascii_alphabetic());
    number.parse::<f64>().is_ok_and(|number| number == 0.0)
}

#[cfg(test)]
mod tests {
    use super::Given;

    fn silenced(flag: &str) -> Option<Vec<&'static str>> {
        Some(
            Given::of_flag(flag)?
                .silenced()
                .into_iter()
                .map(|(s, _)| s)
                .collect(),
        )
    }

    #[test]
    fn what_is_given_silences_the_rest() {
        let incident = "memory.available<5%,nodefs.available<25%,imagefs.available<25%";
        let rest = Some(vec!["nodefs.inodesFree", "imagefs.inodesFree"]);
        assert_eq!(silenced(incident), rest);
        assert_eq!(
            Given::of_flag(incident).map(|g| g.flag()),
            Some(incident.to_owned())
        );
        let all = "memory.available<1Gi,nodefs.available<1Gi,nodefs.inodesFree<1%,\
                   imagefs.available<1%,imagefs.inodesFree<1%";
        assert_eq!(silenced(all), Some(vec![]));
    }

    #[test]
    fn zeros_for_the_disk_are_meant() {
        let off = "nodefs.available<0%,nodefs.inodesFree<0%,imagefs.available<0%";
        assert_eq!(silenced(off), Some(vec!["memory.available"]));
    }

    #[test]
    fn what_is_no_value_of_the_flag() {
        for text in [
            "",
            "memory.available",
            "memory=1Gi",
            "a<b",
            "{{ hard }}",
            "$EVICTION",
        ] {
            assert_eq!(Given::of_flag(text), None, "{text}");
        }
    }
}
