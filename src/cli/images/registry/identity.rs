//! An identity token becomes one that lets an image be pulled, as Docker does it: it is posted to the
//! token service as a refresh token of OAuth 2
//! (<https://distribution.github.io/distribution/spec/auth/oauth/>).

use http_auth::parser::ChallengeParser;
use oci_client::Reference;
use oci_client::errors::OciDistributionError;
use serde::Deserialize;

use super::Trouble;
use super::errors::Asked;
use super::raw::{self, Raw};
use crate::cli::images::failure::Failure;

/// What a token service answers.
#[derive(Deserialize)]
struct Granted {
    #[serde(alias = "token")]
    access_token: String,
}

/// The token for an image.
///
/// # Errors
/// When the registry wants none, or its token service gives none.
pub(super) async fn exchange(
    raw: &Raw,
    reference: &Reference,
    identity: &str,
    asked: &Asked,
) -> Result<String, Trouble> {
    let registry = reference.resolve_registry();
    let answer = raw.get(registry, "").send().await;
    // The caller may go on over plain HTTP.
    let answer =
        answer.map_err(|error| Trouble::Error(OciDistributionError::RequestError(error)))?;
    let challenge = answer.headers().get("WWW-Authenticate");
    let challenge = challenge.and_then(|header| bearer(header.to_str().ok()?));
    let Some((realm, service)) = challenge else {
        return Err(Trouble::Told(Failure::new(
            format!(
                "the credentials for {registry} are an identity token, and it names no token \
                 service that takes one"
            ),
            format!(
                "log in with a user name and a password or access token: `docker login {registry}`"
            ),
        )));
    };
    let scope = format!("repository:{}:pull", reference.repository());
    let request = raw.form(
        &realm,
        &[
            ("grant_type", "refresh_token"),
            ("service", &service),
            ("scope", &scope),
            ("client_id", "kubewright"),
            ("refresh_token", identity),
        ],
    );
    let granted = raw::small(request, "the answer of its token service", asked).await;
    let (status, body) = granted.map_err(Trouble::Told)?;
    if status != 200 {
        // Token services say 400 of a token that is too old (RFC 6749, 5.2).
        let status = if status == 400 { 401 } else { status };
        return Err(Trouble::Told(asked.refused(status, &body)));
    }
    let granted: Granted = serde_json::from_slice(&body)
        .map_err(|_| Trouble::Told(asked.strange("its token service answers with no token")))?;
    Ok(granted.access_token)
}

/// Realm and service of a Bearer challenge.
fn bearer(header: &str) -> Option<(String, String)> {
    let mut challenges = ChallengeParser::new(header).filter_map(Result::ok);
    let challenge = challenges.find(|c| c.scheme.eq_ignore_ascii_case("Bearer"))?;
    let of = |name: &str| {
        let mut params = challenge.params.iter();
        let found = params.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_unescaped())
    };
    Some((of("realm")?, of("service").unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::bearer;

    #[test]
    fn the_token_service_is_found() {
        let header = r#"Bearer realm="https://a.example/oauth2/token",service="a.example""#;
        assert_eq!(
            bearer(header),
            Some(("https://a.example/oauth2/token".into(), "a.example".into()))
        );
        assert_eq!(bearer(r#"Basic realm="x""#), None);
        assert_eq!(
            bearer(r#"Basic realm="x", Bearer realm="y""#),
            Some(("y".into(), String::new()))
        );
    }
}
