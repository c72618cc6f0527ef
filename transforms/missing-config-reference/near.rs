//! Names and keys that may have been meant.

/// The candidates nearest to `name`, when they are near enough to be meant: at most two edits,
/// fewer for short names, and of words of two or three letters one that is too many or missing.
/// Case does not count: Kubernetes tells it apart, people do not. Names that differ in digits alone
/// are those of siblings.
pub(super) fn nearest<'n>(name: &str, candidates: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let limit = match name.len() {
        0..2 => return Vec::new(),
        2..8 => 1,
        _ => 2,
    };
    let lower = name.to_ascii_lowercase();
    let (mut nearest, mut found) = (limit, Vec::new());
    for candidate in candidates {
        let apart = candidate.len().abs_diff(name.len());
        if candidate == name || apart > nearest || letters(candidate).eq(letters(name)) {
            continue;
        }
        let distance = strsim::osa_distance(&lower, &candidate.to_ascii_lowercase());
        if name.len() < 4 && distance > 0 && apart == 0 {
            continue;
        }
        if distance < nearest {
            (nearest, found) = (distance, vec![candidate]);
        } else if distance == nearest && !found.contains(&candidate) {
            found.push(candidate);
        }
    }
    found
}

fn letters(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| !c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_is_a_slip_and_no_sibling() {
        let near = |name, candidates: &[&'static str]| nearest(name, candidates.iter().copied());
        assert_eq!(
            near("app-confg", &["app-config", "web-config"]),
            ["app-config"]
        );
        assert_eq!(
            near(
                "app-config",
                &["app-config", "web-config", "app-confog", "app-configs"]
            ),
            ["app-confog", "app-configs"]
        );
        assert!(near("app-config-1", &["app-config-2", "app-config"]).contains(&"app-config"));
        assert!(near("settings-v1", &["settings-v2"]).is_empty());
        assert_eq!(near("VALUE", &["value", "VALUES"]), ["value"]);
        assert_eq!(near("FO", &["FOO", "BAR"]), ["FOO"]);
        assert!(near("a", &["ab"]).is_empty());
        assert!(near("api", &["app"]).is_empty() && near("web-a", &["app-b"]).is_empty());
    }
}
