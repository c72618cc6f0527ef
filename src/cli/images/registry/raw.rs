//! Small answers, read up to a bound: a client of our own, since `oci_client` reads manifests and
//! tokens however long they are, and knows no identity tokens.

use oci_client::client::{ClientConfig, ClientProtocol};
use reqwest::{Client, NoProxy, Proxy, RequestBuilder};

use super::errors::Asked;
use crate::cli::images::failure::Failure;
use crate::cli::images::manifest::MAX_DOCUMENT;

/// A client of one protocol.
pub(super) struct Raw {
    client: Client,
    scheme: &'static str,
}

impl Raw {
    /// One that goes where the other one goes.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn new(config: &ClientConfig) -> Result<Self, reqwest::Error> {
        let mut builder = Client::builder().user_agent(config.user_agent);
        if let Some(limit) = config.read_timeout {
            builder = builder.read_timeout(limit).connect_timeout(limit);
        }
        let direct = || config.no_proxy.as_deref().and_then(NoProxy::from_string);
        if let Some(proxy) = &config.https_proxy {
            builder = builder.proxy(Proxy::https(proxy)?.no_proxy(direct()));
        }
        if let Some(proxy) = &config.http_proxy {
            builder = builder.proxy(Proxy::http(proxy)?.no_proxy(direct()));
        }
        Ok(Self {
            client: builder.build()?,
            scheme: match config.protocol {
                ClientProtocol::Http => "http",
                _ => "https",
            },
        })
    }

    /// A request for `/v2/` and a path at a registry.
    pub(super) fn get(&self, registry: &str, path: &str) -> RequestBuilder {
        self.client
            .get(format!("{}://{registry}/v2/{path}", self.scheme))
    }

    /// A request with these fields; nothing where that is no address.
    pub(super) fn query(&self, url: &str, fields: &[(&str, &str)]) -> Option<RequestBuilder> {
        let mut url = url::Url::parse(url).ok()?;
        let given = fields.iter().filter(|(_, value)| !value.is_empty());
        url.query_pairs_mut().extend_pairs(given);
        Some(self.client.get(url))
    }

    /// A form that is sent somewhere.
    pub(super) fn form(&self, url: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.client
            .post(url)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form)
    }
}

/// Status and body of an answer; `what` it is.
///
/// # Errors
/// When there is none, or it is longer than any manifest.
pub(super) async fn small(
    request: RequestBuilder,
    what: &str,
    asked: &Asked,
) -> Result<(u16, Vec<u8>), Failure> {
    let failed = |error: reqwest::Error| asked.unanswered(&error);
    let mut answer = request.send().await.map_err(failed)?;
    let mut body = Vec::new();
    while let Some(bytes) = answer.chunk().await.map_err(failed)? {
        if (body.len() + bytes.len()) as u64 > MAX_DOCUMENT {
            let limit = MAX_DOCUMENT >> 20;
            return Err(Failure::odd(format!("{what} has more than {limit} MiB")));
        }
        body.extend_from_slice(&bytes);
    }
    Ok((answer.status().as_u16(), body))
}
