//! Address: where a remote is, in one of the three ways that are offered.
//!
//! The text is guest-controlled. What is not plainly https, http, ssh or a
//! relative path is refused, and so is all that a program could mistake for an
//! option and every URL that carries a password.

use std::fmt;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use super::failure::{FailureKind, GitFailure};

/// Where a remote is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Address {
    /// `https://host[:port]/path`, or the same with `http`.
    Http {
        /// Whether it is https.
        secure: bool,
        /// Lower case; an IPv6 address in brackets.
        host: String,
        /// None is the scheme's own.
        port: Option<u16>,
        /// Begins with `/`, still encoded.
        path: String,
    },
    /// `ssh://user@host[:port]/path` or `user@host:path`.
    Ssh {
        /// Whom to log in as; none leaves it to ssh.
        user: Option<String>,
        /// Lower case; an IPv6 address without brackets.
        host: String,
        /// None is 22.
        port: Option<u16>,
        /// As the remote's shell gets it, in quotes.
        path: String,
    },
    /// A folder relative to the granted root, `.` or without `..`.
    Local {
        /// The folder.
        path: String,
    },
}

impl Address {
    /// Takes a URL apart.
    ///
    /// # Errors
    ///
    /// `unsupported` with `git.url` when it is none of the three.
    pub fn parse(text: &str) -> Result<Self, GitFailure> {
        if text.is_empty() || text.starts_with('-') {
            return Err(refused(text, "it is empty or begins with `-`"));
        }
        if text
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || c == '\\')
        {
            return Err(refused(
                text,
                "it holds white space, a control character or a backslash",
            ));
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return match scheme {
                // The parser would take the first part of the path for the host.
                "https" | "http" if rest.starts_with('/') => Err(refused(text, "it has no host")),
                "https" | "http" => http(text),
                "ssh" => ssh(text, rest),
                _ => Err(refused(
                    text,
                    "only https, http, ssh and local paths are offered",
                )),
            };
        }
        if let Some((host, path)) = text.split_once("]:")
            && let Some((user, host)) = host.split_once("@[")
        {
            return ssh_parts(text, Some(user), host, None, path.to_owned());
        }
        if text.contains("::") {
            return Err(refused(text, "remote helpers are never run"));
        }
        match text.split_once(':') {
            Some((host, path)) if !host.contains('/') => scp(text, host, path),
            Some(_) => Err(refused(text, "a local path must not hold a colon")),
            None => local(text),
        }
    }

    /// The host, for the binding of credentials; none for a local path.
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::Http { host, .. } | Self::Ssh { host, .. } => Some(host),
            Self::Local { .. } => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http {
                secure,
                host,
                port,
                path,
            } => {
                f.write_str(if *secure { "https://" } else { "http://" })?;
                f.write_str(host)?;
                if let Some(port) = port {
                    write!(f, ":{port}")?;
                }
                f.write_str(path)
            }
            Self::Ssh {
                user,
                host,
                port,
                path,
            } => {
                // A path without `/` begins at the user's home: another place
                // than the same path with it, so it must not look the same.
                let home = !path.starts_with('/');
                if !home || port.is_some() {
                    f.write_str("ssh://")?;
                }
                if let Some(user) = user {
                    write!(f, "{user}@")?;
                }
                if host.contains(':') {
                    write!(f, "[{host}]")?;
                } else {
                    f.write_str(host)?;
                }
                match port {
                    Some(port) if home => write!(f, ":{port}/{path}"),
                    Some(port) => write!(f, ":{port}{path}"),
                    None if home => write!(f, ":{path}"),
                    None => f.write_str(path),
                }
            }
            Self::Local { path } => f.write_str(path),
        }
    }
}

fn refused(text: &str, why: &str) -> GitFailure {
    GitFailure::new(
        FailureKind::Unsupported,
        "git.url",
        format_args!("`{text}` is not a URL that can be fetched from: {why}"),
    )
    .hint("write https://host/path, ssh://user@host/path, or a path relative to the repository")
}

fn http(text: &str) -> Result<Address, GitFailure> {
    let url = url::Url::parse(text).map_err(|error| refused(text, &error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused(text, "it carries user information").hint(
            "declare a secret in the pipeline and pass it as credentials; a URL ends up in logs",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused(text, "a remote has neither query nor fragment"));
    }
    let host = url.host_str().unwrap_or_default();
    if host.is_empty() {
        return Err(refused(text, "it has no host"));
    }
    Ok(Address::Http {
        secure: url.scheme() == "https",
        host: host.to_owned(),
        port: url.port(),
        path: url.path().trim_end_matches('/').to_owned(),
    })
}

fn ssh(text: &str, rest: &str) -> Result<Address, GitFailure> {
    let (authority, path) = rest
        .split_once('/')
        .ok_or_else(|| refused(text, "it has no path"))?;
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    let (host, port) = match host.strip_prefix('[') {
        Some(host) => {
            let (host, rest) = host
                .split_once(']')
                .ok_or_else(|| refused(text, "the address has no closing bracket"))?;
            (host, rest.strip_prefix(':'))
        }
        None => match host.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (host, None),
        },
    };
    let port = port
        .map(|port| {
            port.parse::<u16>()
                .map_err(|_| refused(text, "the port is no number"))
        })
        .transpose()?;
    // `/~user/path` means the home directory, as for git.
    let path = if path.starts_with('~') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    ssh_parts(text, user, host, port, path)
}

fn scp(text: &str, host: &str, path: &str) -> Result<Address, GitFailure> {
    let (user, host) = match host.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, host),
    };
    ssh_parts(text, user, host, None, path.to_owned())
}

fn ssh_parts(
    text: &str,
    user: Option<&str>,
    host: &str,
    port: Option<u16>,
    path: String,
) -> Result<Address, GitFailure> {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
    };
    let literal = host.parse::<std::net::Ipv6Addr>().is_ok();
    if !plain(host) && !literal {
        return Err(refused(text, "the host is not a plain name or address"));
    }
    if let Some(user) = user {
        if user.contains(':') {
            return Err(refused(text, "it carries a password"));
        }
        if !plain(user) {
            return Err(refused(text, "the user is not a plain name"));
        }
    }
    let bare = path.trim_start_matches('/');
    if bare.is_empty() || bare.starts_with('-') || path.starts_with('-') {
        return Err(refused(text, "the path is empty or begins with `-`"));
    }
    Ok(Address::Ssh {
        user: user.map(str::to_owned),
        host: host.to_ascii_lowercase(),
        port,
        path,
    })
}

fn local(text: &str) -> Result<Address, GitFailure> {
    let plain = Path::new(text)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !plain {
        return Err(refused(text, "a local path is relative and does not go up"));
    }
    Ok(Address::Local {
        path: text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn the_three_ways_are_taken_apart_and_put_together() {
        for (text, shown) in [
            (
                "https://Host.Example/a/b.git",
                "https://host.example/a/b.git",
            ),
            ("https://host:8443/a/", "https://host:8443/a"),
            ("http://127.0.0.1:80/a", "http://127.0.0.1/a"),
            ("https://[::1]:9/a", "https://[::1]:9/a"),
            ("ssh://git@Host:22/a.git", "ssh://git@host:22/a.git"),
            ("ssh://git@[::1]:2200/a", "ssh://git@[::1]:2200/a"),
            ("git@host:a/b.git", "git@host:a/b.git"),
            ("git@host:/a/b.git", "ssh://git@host/a/b.git"),
            ("git@[::1]:a", "git@[::1]:a"),
            ("ssh://git@host/~me/a", "git@host:~me/a"),
            ("ssh://git@host:22/~me/a", "ssh://git@host:22/~me/a"),
            (".", "."),
            ("vendor/lib", "vendor/lib"),
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), shown, "{text}");
        }
    }

    /// Row F01, F02: addresses that are none, options and other transports.
    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "-",
            "--upload-pack=x",
            "git://host/a",
            "file:///etc",
            "ext::sh -c id",
            "ext::sh",
            "fd::17",
            "ftp://host/a",
            "https://user:password@host/a",
            "https://token@host/a",
            "https:///a",
            "https://host/a?x=1",
            "https://host/a#b",
            "ssh://-oProxyCommand=id/a",
            "ssh://-oProxyCommand=id@host/a",
            "ssh://git@-host/a",
            "ssh://git:pw@host/a",
            "ssh://git@host/-a",
            "ssh://git@host/",
            "ssh://git@host",
            "ssh://git@host:x/a",
            "ssh://git@ho$st/a",
            "ssh://gi`t@host/a",
            "git@host:-a",
            "-x@host:a",
            "git@host:",
            "/etc",
            "../other",
            "a/../../b",
            "a\\..\\b",
            "a b",
            "a\nb",
            "dir/x:y",
            "c:\\x",
        ] {
            let failure = Address::parse(text).expect_err(text);
            assert_eq!(failure.code, "git.url", "{text}");
        }
    }

    #[test]
    fn a_refusal_does_not_repeat_the_password() {
        let failure = Address::parse("https://me:hunter2hunter2@host/a").unwrap_err();
        assert!(!failure.message.contains("hunter2"), "{failure}");
    }
}
