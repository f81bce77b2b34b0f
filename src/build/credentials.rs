//! Files of a home, made of the secrets of a service account.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// A Secret as its service account's builds use it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its name.
    pub name: String,
    /// Its type, such as `kubernetes.io/basic-auth`.
    pub kind: String,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Its data, decoded.
    data: BTreeMap<String, Vec<u8>>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Secret {
    /// A Secret of the cluster.
    ///
    /// # Errors
    /// It is not one.
    pub fn of(object: &Value) -> Result<Self, CredentialError> {
        todo!()
    }
}

/// A secret that can't be used as it is. Says nothing that is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialError {
    /// The secret's name, where it is about one.
    pub secret: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// The files of a home.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Home {
    /// Its files.
    pub files: Vec<HomeFile>,
}

/// A file of a home.
#[derive(Clone, PartialEq, Eq)]
pub struct HomeFile {
    /// Where, below the home.
    pub path: String,
    /// What is in it.
    pub content: Vec<u8>,
}

/// The secrets that a ServiceAccount of the cluster names.
pub fn secret_names(service_account: &Value) -> Vec<String> {
    todo!()
}

/// Makes a home of the secrets of a service account. `git` are the URLs that will be fetched: one over ssh needs the key of its host.
///
/// # Errors
/// A secret lacks something, or contradicts another.
pub fn home(secrets: &[Secret], git: &[&str], accept_host_key: bool) -> Result<Home, CredentialError> {
    todo!()
}
