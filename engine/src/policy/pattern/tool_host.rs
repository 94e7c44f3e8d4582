//! Tool host: where a native tool may connect to.

use std::fmt;
use std::str::FromStr;

use url::Host;

use super::{HostPattern, PatternError};

/// The port of https, for a host that is written without one.
const HTTPS: u16 = 443;

/// Where a native tool may connect to: `host` or `host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolHost {
    host: HostPattern,
    port: u16,
}

impl ToolHost {
    /// The host.
    pub fn host(&self) -> &HostPattern {
        &self.host
    }

    /// Whether a connection there is covered.
    pub fn matches(&self, host: &Host<impl AsRef<str>>, port: u16) -> bool {
        self.port == port && self.host.matches(host)
    }
}

impl FromStr for ToolHost {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The colons of an address in brackets are its own.
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let port = match port {
            None => HTTPS,
            Some(port) => port
                .parse()
                .ok()
                .filter(|number: &u16| *number > 0 && number.to_string() == port)
                .ok_or_else(|| {
                    PatternError::new(format!("`{port}` is not a port"))
                        .with_hint("a port is a number from 1 to 65535")
                })?,
        };
        if host.contains(['/', '@']) {
            return Err(
                PatternError::new(format!("`{text}` is not a host")).with_hint(
                    "write the host alone, such as `static.crates.io` or `git.example.org:8443`",
                ),
            );
        }
        let host = host.parse()?;
        Ok(Self { host, port })
    }
}

impl fmt::Display for ToolHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use url::Host;

    use super::ToolHost;

    #[test]
    fn a_host_and_its_port_are_covered_and_nothing_else() {
        for (pattern, host, port, covered) in [
            ("crates.io", "crates.io", 443, true),
            ("crates.io", "crates.io", 80, false),
            ("crates.io", "static.crates.io", 443, false),
            ("crates.io:8443", "crates.io", 8443, true),
            ("crates.io:8443", "crates.io", 443, false),
            ("crates.io", "crates.io.evil.test", 443, false),
            ("[2001:db8::1]:443", "[2001:db8::1]", 443, true),
            ("[2001:db8::1]", "[2001:db8::1]", 443, true),
        ] {
            let pattern: ToolHost = pattern.parse().expect("it is one");
            let host = Host::parse(host).expect("it is one");
            assert_eq!(pattern.matches(&host, port), covered, "{pattern} {host}");
        }
    }

    #[test]
    fn what_is_no_host_with_a_port_is_refused() {
        for text in [
            "",
            ":443",
            "a.test:",
            "a.test:0",
            "a.test:+1",
            "a.test:01",
            "a.test:65536",
            "https://a.test",
            "a.test/x",
            "user@a.test",
            "A.test",
            "127.1",
            "a.test:443:1",
            "*",
        ] {
            assert!(text.parse::<ToolHost>().is_err(), "{text}");
        }
    }
}
