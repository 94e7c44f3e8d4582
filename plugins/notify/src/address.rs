//! Address: where the message goes, and how that is shown.

use engine_sdk::Failure;
use engine_sdk::secrets::SecretName;

/// The host of every secret URL. The engine swaps the whole URL before it
/// resolves anything; should it not, `.invalid` leads nowhere.
const SECRET_HOST: &str = "secret.invalid";

/// Where the message goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Address<'i> {
    /// A URL that anybody may see.
    Open(&'i str),
    /// A secret of kind `url`.
    Secret(&'i SecretName),
}

impl<'i> Address<'i> {
    /// One of `url` and `webhook`.
    pub(crate) fn parse(
        url: Option<&'i str>,
        webhook: Option<&'i SecretName>,
    ) -> Result<Self, Failure> {
        match (url, webhook) {
            (Some(_), Some(_)) => {
                Err(invalid("there are both a `url` and a `webhook`").hint("leave one of them out"))
            }
            (None, None) => Err(invalid("there is nowhere to send it")
                .hint("give a `url`, or a secret of kind `url` as `webhook`")),
            (None, Some(secret)) => Ok(Self::Secret(secret)),
            (Some(url), None) if url.starts_with("https://") || url.starts_with("http://") => {
                Ok(Self::Open(url))
            }
            (Some(_), None) => {
                Err(invalid("`url` is no web address").hint("begin it with https://"))
            }
        }
    }

    /// What the journal and the log may show: no query, which may hold keys.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Open(url) => {
                let end = url.find(['?', '#']).unwrap_or(url.len());
                url[..end].to_owned()
            }
            Self::Secret(secret) => format!("the web hook `{}`", secret.name),
        }
    }

    /// What makes two requests the same, for the idempotency key. A placeholder
    /// would not do: it changes with every attempt.
    pub(crate) fn identity(&self) -> String {
        match self {
            Self::Open(url) => format!("url {url}"),
            Self::Secret(secret) => format!("secret {}", secret.name),
        }
    }

    /// The URL to request.
    pub(crate) fn url(&self) -> Result<String, Failure> {
        match self {
            Self::Open(url) => Ok((*url).to_owned()),
            Self::Secret(secret) => {
                let placeholder = secret.open()?.placeholder();
                Ok(secret_url(&placeholder))
            }
        }
    }
}

fn secret_url(placeholder: &str) -> String {
    format!("https://{placeholder}.{SECRET_HOST}/")
}

fn invalid(message: &str) -> Failure {
    Failure::user_error("notify.inputs-invalid", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str) -> SecretName {
        SecretName {
            name: name.to_owned(),
        }
    }

    #[test]
    fn there_is_exactly_one_address() {
        let hook = secret("hook");
        let url = "https://hooks.example.org/x";
        assert_eq!(
            Address::parse(Some(url), None).expect("fits"),
            Address::Open(url)
        );
        assert_eq!(
            Address::parse(None, Some(&hook)).expect("fits"),
            Address::Secret(&hook)
        );
        assert!(Address::parse(Some(url), Some(&hook)).is_err());
        assert!(Address::parse(None, None).is_err());
        assert!(Address::parse(Some("ftp://x/"), None).is_err());
        assert!(Address::parse(Some("hooks.example.org"), None).is_err());
    }

    #[test]
    fn a_query_is_not_shown() {
        let address = Address::Open("https://a.example/b?key=123#c");
        assert_eq!(address.shown(), "https://a.example/b");
        assert_eq!(
            Address::Secret(&secret("hook")).shown(),
            "the web hook `hook`"
        );
    }

    #[test]
    fn a_secret_url_leads_nowhere_by_itself() {
        assert_eq!(secret_url("p1"), "https://p1.secret.invalid/");
    }
}
