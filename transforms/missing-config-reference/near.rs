//! Names and keys that may have been meant.

/// The candidates nearest to `name`, when they are near enough to be meant: at most two edits, fewer for short names. Names that differ in
/// digits alone are those of siblings.
pub(super) fn nearest<'n>(name: &str, candidates: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let limit = match name.len() {
        0..4 => return Vec::new(),
        4..8 => 1,
        _ => 2,
    };
    let (mut nearest, mut found) = (limit, Vec::new());
    for candidate in candidates {
        if candidate == name || candidate.len().abs_diff(name.len()) > nearest || letters(candidate).eq(letters(name)) {
            continue;
        }
        let distance = strsim::osa_distance(name, candidate);
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
        assert_eq!(near("app-confg", &["app-config", "web-config"]), ["app-config"]);
        assert_eq!(near("app-config", &["app-config", "web-config", "app-confog", "app-configs"]), ["app-confog", "app-configs"]);
        assert!(near("app-config-1", &["app-config-2", "app-config"]).contains(&"app-config"));
        assert!(near("settings-v1", &["settings-v2"]).is_empty());
        assert!(near("api", &["app"]).is_empty() && near("web-a", &["app-b"]).is_empty());
    }
}
