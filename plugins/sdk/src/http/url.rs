//! Target: the parts of a URL that `wasi:http` wants one by one.

use crate::bindings::wasi::http::types::Scheme;

/// Where a request goes.
#[derive(Debug)]
pub(super) struct Target<'u> {
    /// `http` or `https`.
    pub(super) scheme: Scheme,
    /// Host and, where it is written, port.
    pub(super) authority: &'u str,
    /// Begins with `/`.
    pub(super) path_with_query: String,
}

impl<'u> Target<'u> {
    /// Splits a URL. What its parts may hold is the host's to check; refused
    /// here is what must not get lost on the way: user information, which
    /// `wasi:http` cannot carry.
    pub(super) fn parse(url: &'u str) -> Result<Self, &'static str> {
        if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("a URL has no white space");
        }
        let (scheme, rest) = url.split_once("://").ok_or("a URL begins with https://")?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err("only http and https are spoken here"),
        };
        // A fragment is for whoever reads the answer; servers never see it.
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() {
            return Err("the URL names no host");
        }
        if authority.contains('@') {
            return Err("a URL holds no user or password; send a header instead");
        }
        let path_with_query = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        Ok(Self {
            scheme,
            authority,
            path_with_query,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: Result<(&str, &str), &str>) {
        match (Target::parse(url), expected) {
            (Ok(target), Ok((authority, path))) => {
                assert_eq!(target.authority, authority, "{url}");
                assert_eq!(target.path_with_query, path, "{url}");
            }
            (Err(reason), Err(part)) => assert!(reason.contains(part), "{url}: {reason}"),
            (found, expected) => panic!("{url}: {found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn a_url_falls_into_its_parts() {
        check("https://a.example/b/c?d=e", Ok(("a.example", "/b/c?d=e")));
        check("https://a.example", Ok(("a.example", "/")));
        check("HTTP://a.example:8080?x=1", Ok(("a.example:8080", "/?x=1")));
        check("http://[::1]:80/", Ok(("[::1]:80", "/")));
        check("https://a.example/b#c?d", Ok(("a.example", "/b")));
        check("https://a.example/b@c", Ok(("a.example", "/b@c")));
    }

    #[test]
    fn what_is_no_url_is_refused_with_its_reason() {
        check("a.example", Err("begins with"));
        check("ftp://a.example/", Err("only http"));
        check("https:///b", Err("names no host"));
        check("https://user:pass@a.example/", Err("no user"));
        check("https://a.example/\r\nX: y", Err("white space"));
    }
}
