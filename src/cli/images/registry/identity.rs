//! The token that lets an image be pulled, as the token service of a registry gives it
//! (<https://distribution.github.io/distribution/spec/auth/token/>). An identity token is posted there
//! as a refresh token of OAuth 2, as Docker does it
//! (<https://distribution.github.io/distribution/spec/auth/oauth/>).
//!
//! `oci_client` could ask for all but the latter, and reads an answer however long it is.

use http_auth::parser::ChallengeParser;
use oci_client::Reference;
use oci_client::errors::OciDistributionError;
use oci_client::secrets::RegistryAuth;
use serde::Deserialize;

use super::Trouble;
use super::credentials::Credential;
use super::errors::Asked;
use super::raw::{self, Raw};
use crate::cli::images::failure::Failure;

/// What a token service answers; some give both.
#[derive(Deserialize)]
struct Granted {
    access_token: Option<String>,
    token: Option<String>,
}

/// The token for an image; nothing where the registry wants none.
///
/// # Errors
/// When its token service gives none.
pub(super) async fn token(
    raw: &Raw,
    reference: &Reference,
    credential: &Credential,
    asked: &Asked,
) -> Result<Option<String>, Trouble> {
    if let Credential::Plain(RegistryAuth::Bearer(token)) = credential {
        return Ok(Some(token.clone()));
    }
    let registry = reference.resolve_registry();
    let answer = raw.get(registry, "").send().await;
    // The caller may go on over plain HTTP.
    let answer =
        answer.map_err(|error| Trouble::Error(OciDistributionError::RequestError(error)))?;
    let mut challenges = answer.headers().get_all("WWW-Authenticate").iter();
    let challenge = challenges.find_map(|header| bearer(header.to_str().ok()?));
    let (realm, service) = match (challenge, credential) {
        (Some(challenge), _) => challenge,
        (None, Credential::Plain(_)) => return Ok(None),
        (None, Credential::Identity(_)) => {
            return Err(Trouble::Told(Failure::new(
                format!(
                    "the credentials for {registry} are an identity token, and it names no token \
                     service that takes one"
                ),
                format!(
                    "log in with a user name and a password or access token: `docker login \
                     {registry}`"
                ),
            )));
        }
    };
    let scope = format!("repository:{}:pull", reference.repository());
    let request = match credential {
        Credential::Identity(identity) => raw.form(
            &realm,
            &[
                ("grant_type", "refresh_token"),
                ("service", &service),
                ("scope", &scope),
                ("client_id", "kubewright"),
                ("refresh_token", identity),
            ],
        ),
        Credential::Plain(auth) => {
            let query = [("scope", scope.as_str()), ("service", service.as_str())];
            let request = raw.query(&realm, &query).ok_or_else(|| {
                let what = format!("its token service is no address: {realm}");
                Trouble::Told(asked.strange(&what))
            })?;
            match auth {
                RegistryAuth::Basic(user, password) => request.basic_auth(user, Some(password)),
                RegistryAuth::Anonymous | RegistryAuth::Bearer(_) => request,
            }
        }
    };
    let granted = raw::small(request, "the answer of its token service", asked).await;
    let (status, body) = granted.map_err(Trouble::Told)?;
    if status != 200 {
        // Token services say 400 of a token that is too old (RFC 6749, 5.2).
        let status = if status == 400 { 401 } else { status };
        return Err(Trouble::Told(asked.refused(status, &body)));
    }
    serde_json::from_slice(&body)
        .ok()
        .and_then(|granted: Granted| granted.access_token.or(granted.token))
        .map(Some)
        .ok_or_else(|| Trouble::Told(asked.strange("its token service answers with no token")))
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
