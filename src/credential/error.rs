//! Why there is no token.

use std::fmt;

/// Whose turn it is to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Entra knows the request and refuses it: wrong or expired secret, unknown certificate.
    Denied,
    /// Entra, the metadata service or the network is not there; trying again may help.
    Unavailable,
    /// The configuration is wrong; nothing was or can be asked.
    Misconfigured,
}

/// Why there is no token. Holds no secret and, on purpose, not the library's own error, whose
/// `Debug` prints raw replies and backtraces.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// Whose turn it is.
    pub kind: Kind,
    /// The credential, as in [`super::Description::kind`].
    pub credential: &'static str,
    /// Entra's error code, such as `AADSTS7000215`.
    pub code: Option<String>,
    /// The HTTP status of the token endpoint, when it answered.
    pub status: Option<u16>,
    /// What happened, for the operator.
    pub message: String,
}

impl Error {
    /// An error without an answer from Entra.
    pub fn new(kind: Kind, credential: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            credential,
            code: None,
            status: None,
            message: message.into(),
        }
    }

    pub(super) fn misconfigured(credential: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Misconfigured, credential, message)
    }

    /// What the operator can do about it, for the codes that are seen most.
    ///
    /// Source: <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>
    pub fn remedy(&self) -> Option<&'static str> {
        Some(match self.code.as_deref()? {
            "AADSTS7000215" => {
                "the client secret is wrong: use the secret's value, not its id, or make a new one"
            }
            "AADSTS7000222" => "the client secret has expired: make a new one",
            "AADSTS700016" => {
                "the tenant has no such application: check client id and tenant id, and that the \
                 application has a service principal there"
            }
            "AADSTS90002" | "AADSTS900023" => "no such tenant: check the tenant id and the cloud",
            "AADSTS700027" => {
                "the certificate is not registered with the application, or has expired: upload it"
            }
            "AADSTS700024" => "the assertion's times are off: check this machine's clock",
            "AADSTS70021" | "AADSTS700211" | "AADSTS700212" | "AADSTS700213" => {
                "no federated identity credential of the application matches the token's issuer, \
                 subject and audience"
            }
            "AADSTS500011" => "the scope's resource is not known in the tenant: check the cloud",
            _ => return None,
        })
    }
}

impl Error {
    /// What happened, without the remedy.
    pub fn summary(&self) -> String {
        let said = match self.kind {
            Kind::Denied => "was refused",
            Kind::Unavailable => "could not be used now",
            Kind::Misconfigured => "is misconfigured",
        };
        let mut text = format!(
            "the {} credential {said}: {}",
            self.credential, self.message
        );
        if let Some(code) = &self.code
            && !self.message.contains(code.as_str())
        {
            text.push_str(" (");
            text.push_str(code);
            text.push(')');
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary())?;
        if let Some(remedy) = self.remedy() {
            write!(f, " [{remedy}]")?;
        }
        Ok(())
    }
}
