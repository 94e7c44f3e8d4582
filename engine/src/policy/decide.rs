//! Decide: whether a pipeline may grant something at all.
//!
//! Without a policy file everything that a pipeline grants is allowed, but for
//! the host's network for tools, wildcard origins, private addresses that are
//! not called so, and folders outside of the workspace.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::Host;

use super::{GitPattern, HostPattern, HttpPattern, ToolGrant, ToolHost, ToolNetwork};

/// One thing that a pipeline grants.
#[derive(Debug, Clone, Copy)]
pub enum Part<'p> {
    /// Asking remotes, or fetching from them.
    Git(&'p GitPattern),
    /// Requests.
    Http(&'p HttpPattern),
    /// A native tool.
    Tool(&'p ToolGrant),
    /// A folder of the workspace.
    Folder(&'p str),
}

/// Why something may not be granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What is refused.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// Whether a pipeline may grant this, by the policy that holds without a policy
/// file.
pub fn decide(part: Part<'_>) -> Result<(), Refusal> {
    match part {
        Part::Git(pattern) => match pattern.host() {
            Some(host) => decide_host(host, pattern.private),
            None => Ok(()),
        },
        Part::Http(pattern) => decide_host(pattern.host(), pattern.private),
        Part::Tool(tool) => decide_tool(tool),
        Part::Folder(path) => decide_folder(path),
    }
}

fn decide_host(host: &HostPattern, private: bool) -> Result<(), Refusal> {
    let Some(host) = host.exact() else {
        return refuse(
            "a pipeline may not grant all hosts below a domain",
            "name each host; only a policy may allow a wildcard",
        );
    };
    if is_metadata(host) {
        return refuse(
            "the address that tells machines their secrets is never granted",
            "remove it",
        );
    }
    if is_private(host) && !private {
        return refuse(
            "this is a private address",
            "write `{ allow: \"…\", private: true }` if it is meant",
        );
    }
    Ok(())
}

fn decide_tool(tool: &ToolGrant) -> Result<(), Refusal> {
    match &tool.network {
        ToolNetwork::None => Ok(()),
        ToolNetwork::Host => refuse(
            "a pipeline may not give a tool the whole network of the machine",
            "only a policy may allow `host`",
        ),
        ToolNetwork::Hosts(hosts) => hosts.iter().try_for_each(|host| decide_tool_host(host)),
    }
}

fn decide_tool_host(text: &str) -> Result<(), Refusal> {
    let host = match text.parse::<ToolHost>() {
        Ok(host) => host,
        Err(error) => {
            return refuse(
                &error.to_string(),
                error
                    .hint
                    .as_deref()
                    .unwrap_or("write a host such as `static.crates.io`"),
            );
        }
    };
    if host.host().exact().is_some_and(is_private) {
        return refuse(
            "this is a private address",
            "tools reach hosts of the internet; only a policy may allow others",
        );
    }
    decide_host(host.host(), false)
}

/// A folder of the workspace: a relative path in its normal form.
fn decide_folder(path: &str) -> Result<(), Refusal> {
    if path.starts_with(['/', '~']) || path.split('/').any(|part| part == "..") {
        return refuse(
            "this folder lies outside of the workspace",
            "write a path relative to the workspace, such as `src`",
        );
    }
    let normal = |part: &str| {
        let plain = |c: char| !c.is_control() && !matches!(c, '\\' | '*' | '?' | ':' | '"');
        !part.is_empty() && part != "." && part.len() <= 255 && part.chars().all(plain)
    };
    if path.len() > 1024 || !path.split('/').all(normal) {
        return refuse(
            "this is not a folder of the workspace",
            "write its path in the plainest form, such as `src` or `target/debug`",
        );
    }
    Ok(())
}

fn refuse(message: &str, hint: &str) -> Result<(), Refusal> {
    Err(Refusal {
        message: message.to_owned(),
        hint: hint.to_owned(),
    })
}

/// Whether a host is written as an address, or by a name, of this machine or of
/// a network that is not the internet. What other names stand for is judged
/// when they are resolved.
fn is_private<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.as_ref().trim_end_matches('.');
            let last = name.rsplit('.').next().unwrap_or(name);
            let inner = ["localhost", "local", "internal", "localdomain"];
            inner.iter().any(|it| last.eq_ignore_ascii_case(it))
        }
        Host::Ipv4(address) => is_private_v4(*address),
        Host::Ipv6(address) => is_private_v6(*address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0)
        || (a == 198 && (18..20).contains(&b))
        || a >= 240
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_private_v4(inner);
    }
    // What is not global unicast (2000::/3), and the transition forms in it that
    // carry another address.
    let [first, second, ..] = address.segments();
    first & 0xE000 != 0x2000
        || first == 0x2002
        || (first == 0x2001 && (second < 0x0200 || second == 0x0DB8))
}

/// The addresses at which clouds tell machines their credentials.
fn is_metadata<S: AsRef<str>>(host: &Host<S>) -> bool {
    let address = match host {
        Host::Domain(name) => {
            let name = name.as_ref().trim_end_matches('.');
            return ["metadata.google.internal", "instance-data"]
                .iter()
                .any(|it| name.eq_ignore_ascii_case(it));
        }
        Host::Ipv4(address) => IpAddr::V4(*address),
        Host::Ipv6(address) => match address.to_ipv4_mapped() {
            Some(inner) => IpAddr::V4(inner),
            None => IpAddr::V6(*address),
        },
    };
    [
        IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
        IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
        IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
        IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254)),
    ]
    .contains(&address)
}

#[cfg(test)]
mod tests {
    use super::{Part, decide};
    use crate::policy::{GitPattern, HttpPattern, ToolGrant, ToolNetwork};

    fn http(text: &str, private: bool) -> Result<(), super::Refusal> {
        let pattern: HttpPattern = text.parse().expect("a pattern");
        decide(Part::Http(&pattern.with_private(private)))
    }

    #[test]
    fn private_addresses_are_granted_only_when_they_are_called_so() {
        for host in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.1",
            "172.16.0.1",
            "100.64.0.1",
            "0.0.0.0",
            "localhost",
            "db.internal",
            "printer.local",
            "[::1]",
            "[fd00::1]",
            "[fe80::1]",
            "[::ffff:127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
        ] {
            let text = format!("GET http://{host}/**");
            let Ok(pattern) = text.parse::<HttpPattern>() else {
                continue;
            };
            let plain = decide(Part::Http(&pattern)).expect_err(host);
            assert!(plain.message.contains("private"), "{host}");
            assert_eq!(http(&text, true), Ok(()), "{host}");
        }
        assert_eq!(http("GET https://hooks.example.org/**", false), Ok(()));
        assert_eq!(http("GET https://93.184.216.34/**", false), Ok(()));
    }

    /// Row C03, C10: metadata addresses and wildcards in a grant.
    #[test]
    fn metadata_addresses_and_wildcards_are_never_granted_by_a_pipeline() {
        for host in [
            "169.254.169.254",
            "[fd00:ec2::254]",
            "metadata.google.internal",
        ] {
            let refusal = http(&format!("GET http://{host}/**"), true).expect_err(host);
            assert!(refusal.message.contains("never granted"), "{host}");
        }
        assert!(http("GET https://*.example.org/**", false).is_err());
        let remote: GitPattern = "https://*.example.org/**".parse().expect("a pattern");
        assert!(decide(Part::Git(&remote)).is_err());
        let here: GitPattern = ".".parse().expect("a pattern");
        assert_eq!(decide(Part::Git(&here)), Ok(()));
    }

    #[test]
    fn tools_get_hosts_of_the_internet_and_not_the_machines_network() {
        let tool = |network| ToolGrant {
            tool: "cargo".to_owned(),
            network,
        };
        let hosts = |host: &str| ToolNetwork::Hosts(vec![host.to_owned()]);
        for (network, allowed) in [
            (ToolNetwork::None, true),
            (hosts("proxy.example.org"), true),
            (hosts("proxy.example.org:8443"), true),
            (hosts("*.example.org"), false),
            (hosts("https://proxy.example.org"), false),
            (hosts("169.254.169.254"), false),
            (hosts("10.0.0.1:443"), false),
            (hosts("[::1]"), false),
            (hosts("127.0.0.1"), false),
            (hosts("localhost"), false),
            (ToolNetwork::Host, false),
        ] {
            assert_eq!(decide(Part::Tool(&tool(network))).is_ok(), allowed);
        }
    }

    #[test]
    fn folders_lie_in_the_workspace_and_are_written_plainly() {
        for (path, allowed) in [
            ("src", true),
            ("target/debug", true),
            (".cache/go", true),
            ("", false),
            (".", false),
            ("./src", false),
            ("src//x", false),
            ("/etc", false),
            ("~/x", false),
            ("..", false),
            ("src/../..", false),
            ("src\\x", false),
            ("*", false),
            ("a\nb", false),
        ] {
            assert_eq!(decide(Part::Folder(path)).is_ok(), allowed, "{path:?}");
        }
    }
}
