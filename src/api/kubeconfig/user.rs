//! Who asks: what of a user is shown with each request.

use super::exec;
use super::tls::{Identity, Refused, load};
use crate::api::token::{TokenFile, bearer, header};
use base64::Engine;
use http::header::{HeaderName, HeaderValue};
use kube::config::{AuthInfo, ExecAuthCluster};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use secrecy::ExposeSecret;

/// The header that shows who asks.
pub(super) enum Authorization {
    /// Nobody, or who a certificate says.
    None,
    /// The same each time.
    Fixed(HeaderValue),
    /// A token in a file, which somebody renews.
    File(TokenFile),
}

/// What is shown.
pub(super) struct User {
    pub(super) authorization: Authorization,
    /// For whom, if not for the one who asks.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) identity: Option<Identity>,
}

/// What a user of a kubeconfig shows. Where that is for a command to say, the command is run.
///
/// # Errors
/// The field, and what is wrong with it.
pub(super) async fn of(user: &AuthInfo, cluster: &ExecAuthCluster) -> Result<User, Refused> {
    let mut identity = identity(user)?;
    let headers = impersonation(user)?;
    let mut authorization = authorization(user)?;
    if let Some(exec) = &user.exec {
        if user.auth_provider.is_some() {
            return Err(("auth-provider", "this stands beside exec: leave one of them out".to_owned()));
        }
        if matches!(authorization, Authorization::None) && identity.is_none() {
            let credentials = exec::run(exec, cluster).await.map_err(|why| ("exec", why))?;
            identity = credentials.identity;
            authorization = credentials.token.map_or(Authorization::None, Authorization::Fixed);
        }
    }
    Ok(User { authorization, headers, identity })
}

/// What stands in the kubeconfig itself, or in a file. As for client-go a file's token outranks one that stands beside it.
fn authorization(user: &AuthInfo) -> Result<Authorization, Refused> {
    let token = user.token.as_ref().map(|token| token.expose_secret()).filter(|token| !token.is_empty());
    let token = token.map(bearer).transpose().map_err(|why| ("token", format!("the token {why}")))?;
    if let Some(name) = user.username.as_deref().filter(|name| !name.is_empty()) {
        if token.is_some() {
            return Err(("username", "this stands beside token: leave one of them out".to_owned()));
        }
        let password = user.password.as_ref().map(|password| password.expose_secret()).unwrap_or_default();
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
        return header(&format!("Basic {encoded}")).map(Authorization::Fixed).map_err(|why| ("username", why));
    }
    if let Some(file) = user.token_file.as_deref().filter(|file| !file.is_empty()) {
        return match (TokenFile::new(file.into()), token) {
            (Ok(file), _) => Ok(Authorization::File(file)),
            (Err(_), Some(token)) => Ok(Authorization::Fixed(token)),
            (Err(why), None) => Err(("tokenFile", why)),
        };
    }
    match (&user.auth_provider, token) {
        (_, Some(token)) => Ok(Authorization::Fixed(token)),
        (Some(provider), None) if provider.name == "oidc" => {
            let token = provider.config.get("id-token").ok_or_else(|| ("auth-provider.config", "there is no id-token".to_owned()))?;
            bearer(token).map(Authorization::Fixed).map_err(|why| ("auth-provider.config.id-token", format!("the token {why}")))
        }
        (Some(provider), None) => {
            let gone = format!(
                "{:?} is no provider that still works: Kubernetes 1.26 took such providers out; use the plugin that took its place, by exec",
                provider.name
            );
            Err(("auth-provider.name", gone))
        }
        (None, None) => Ok(Authorization::None),
    }
}

fn identity(user: &AuthInfo) -> Result<Option<Identity>, Refused> {
    let certificate = load(
        ("client-certificate-data", user.client_certificate_data.as_deref()),
        ("client-certificate", user.client_certificate.as_deref()),
    )?;
    let key_data = user.client_key_data.as_ref().map(|key| key.expose_secret());
    let key = load(("client-key-data", key_data), ("client-key", user.client_key.as_deref()))?;
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some((field, certificates)), Some((_, key))) => Ok(Some(Identity { certificates, key, field })),
        (Some((field, _)), None) => Err((field, "the key is missing: client-key-data or client-key".to_owned())),
        (None, Some((field, _))) => Err((field, "the certificate is missing: client-certificate-data or client-certificate".to_owned())),
    }
}

/// What may stand in a header's name as it is; Go's client escapes the rest, and the escape itself.
const ESCAPED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'*')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The headers that ask to act as somebody else.
fn impersonation(user: &AuthInfo) -> Result<Vec<(HeaderName, HeaderValue)>, Refused> {
    let mut headers = Vec::new();
    let mut add = |field: &'static str, name: HeaderName, value: &str| -> Result<(), Refused> {
        headers.push((name, header(value).map_err(|why| (field, format!("this {why}")))?));
        Ok(())
    };
    let named = user.impersonate.as_deref().filter(|name| !name.is_empty());
    let groups = user.impersonate_groups.iter().flatten();
    let extra = user.impersonate_user_extra.iter().flatten();
    let uid = user.impersonate_uid.as_deref().filter(|uid| !uid.is_empty());
    if named.is_none() && (uid.is_some() || groups.clone().next().is_some() || extra.clone().next().is_some()) {
        return Err(("as", "as-uid, as-groups and as-user-extra need a user to act as".to_owned()));
    }
    if let Some(name) = named {
        add("as", HeaderName::from_static("impersonate-user"), name)?;
    }
    if let Some(uid) = uid {
        add("as-uid", HeaderName::from_static("impersonate-uid"), uid)?;
    }
    for group in groups {
        add("as-groups", HeaderName::from_static("impersonate-group"), group)?;
    }
    for (key, values) in extra {
        let name = format!("impersonate-extra-{}", percent_encode(key.as_bytes(), &ESCAPED));
        let name = HeaderName::try_from(name).map_err(|error| ("as-user-extra", error.to_string()))?;
        for value in values {
            add("as-user-extra", name.clone(), value)?;
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_a_user_or_refused(texts in prop::collection::vec(any::<String>(), 8)) {
            let field = |n: usize| Some(texts[n].clone());
            let user = AuthInfo {
                username: field(0),
                password: field(1).map(Into::into),
                impersonate: field(2),
                impersonate_uid: field(3),
                impersonate_groups: Some(vec![texts[4].clone()]),
                impersonate_user_extra: Some([(texts[5].clone(), vec![texts[6].clone()])].into()),
                ..AuthInfo::default()
            };
            let _ = (impersonation(&user), authorization(&user));
            let user = AuthInfo { token: field(7).map(Into::into), client_certificate_data: field(0), client_key_data: field(1).map(Into::into), ..AuthInfo::default() };
            let _ = (identity(&user), authorization(&user));
        }
    }
}
