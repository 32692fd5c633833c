//! Files that state a version: package.json, gradle.properties, Chart.yaml, Directory.Build.props, go.mod.

use model::Version;
use model::base::xml::XmlElement;
use model::catalog::{SourceFormat, VersionSource};

use crate::yaml;

/// The longest version file that is read, in bytes.
const MAX_VERSION_FILE_BYTES: usize = 1 << 20;

/// Compares a version file with the version of the tag. Returns a message for each mismatch: a key that states another
/// version, a missing key, or a file that cannot be read. Empty if all keys agree.
#[must_use]
pub fn version_mismatches(source: &VersionSource, bytes: &[u8], version: &Version) -> Vec<String> {
    if bytes.len() > MAX_VERSION_FILE_BYTES {
        return vec![format!("{} is longer than 1 MiB", source.file)];
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return vec![format!("{} is not UTF-8", source.file)] };
    if source.format == SourceFormat::GoMod {
        return check_go_module(source, text, version).into_iter().collect();
    }
    let mut mismatches = Vec::new();
    for key in &source.keys {
        match read_value(source.format, text, key) {
            Ok(Some(value)) if value == version.as_str() => {}
            Ok(Some(value)) => mismatches.push(format!("{} has {key} = {value}", source.file)),
            Ok(None) => mismatches.push(format!("{} has no {key}", source.file)),
            Err(error) => return vec![format!("{} cannot be read: {error}", source.file)],
        }
    }
    mismatches
}

fn read_value(format: SourceFormat, text: &str, key: &str) -> Result<Option<String>, String> {
    match format {
        SourceFormat::Json => {
            let document: serde_json::Value = serde_json::from_str(text).map_err(|it| it.to_string())?;
            Ok(document.pointer(key).and_then(serde_json::Value::as_str).map(str::to_owned))
        }
        SourceFormat::Yaml => yaml::top_level_string(text, key),
        SourceFormat::Xml => {
            let document = XmlElement::parse(text)?;
            Ok(document.descendants(key).first().map(|it| it.text().to_owned()))
        }
        SourceFormat::Properties => {
            let mut values = text.lines().filter_map(parse_property).filter(|it| it.0 == key);
            Ok(values.next_back().map(|it| it.1.to_owned()))
        }
        SourceFormat::GoMod => unreachable!("a module path is not a version: check_go_module reads it"),
    }
}

/// Parses a line `key=value` or `key: value` of a Java properties file. If a key occurs several times, callers use the
/// last one, as Java does. Escapes and continued lines are not supported, because versions need neither.
fn parse_property(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if line.starts_with(['#', '!']) {
        return None;
    }
    let (key, value) = line.split_once(['=', ':'])?;
    Some((key.trim_end(), value.trim_start()))
}

/// Checks the module path of a `go.mod`: from v2 on it must end in the major version, below v2 it must not
/// (<https://go.dev/ref/mod#major-version-suffixes>). Returns the message if it does not match.
fn check_go_module(source: &VersionSource, text: &str, version: &Version) -> Option<String> {
    let path = text.lines().find_map(|line| line.trim().strip_prefix("module "));
    let Some(path) = path.map(|it| it.split("//").next().unwrap_or(it).trim().trim_matches('"')) else {
        return Some(format!("{} has no module line", source.file));
    };
    let major = version.release_line().0;
    let suffix = path
        .rsplit_once("/v")
        .map(|it| it.1)
        .filter(|it| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit()));
    let expected = if major < 2 { None } else { Some(major.to_string()) };
    if suffix == expected.as_deref() {
        return None;
    }
    let requirement =
        expected.map_or_else(|| "not end in a version".to_owned(), |it| format!("end in /v{it}"));
    Some(format!("{} has module {path}, which must {requirement}", source.file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Scheme;
    use proptest::prelude::*;

    fn check(format: SourceFormat, keys: &[&str], text: &str, version: &str) -> Vec<String> {
        let keys = keys.iter().map(|it| (*it).to_owned()).collect();
        let source = VersionSource { file: "F".to_owned(), format, keys, advisory: false };
        version_mismatches(&source, text.as_bytes(), &Version::parse(Scheme::SemVer, version).unwrap())
    }

    #[test]
    fn every_format_reports_another_version() {
        let json = r#"{"name": "x", "version": "1.2.3"}"#;
        let properties = "# project.version=9\nproject.version = 1.2.3\nproject.group=x\n";
        let yaml =
            "apiVersion: v2\nversion: 1.2.3\nappVersion: \"1.2.3\"\ndependencies:\n  - version: 9.9.9\n";
        let xml = "<Project><PropertyGroup><!-- x --><V>1.2.3</V></PropertyGroup></Project>";
        for (format, keys, text) in [
            (SourceFormat::Json, &["/version"][..], json),
            (SourceFormat::Properties, &["project.version"], properties),
            (SourceFormat::Yaml, &["version", "appVersion"], yaml),
            (SourceFormat::Xml, &["V"], xml),
        ] {
            assert_eq!(check(format, keys, text, "1.2.3"), Vec::<String>::new(), "{format:?}");
            assert_eq!(check(format, keys, text, "1.2.4").len(), keys.len(), "{format:?}");
            assert_eq!(check(format, &["/none"], text, "1.2.3"), ["F has no /none"], "{format:?}");
        }
        assert_eq!(check(SourceFormat::Json, &["/version"], json, "1.2.4"), ["F has /version = 1.2.3"]);
        assert!(
            check(SourceFormat::Json, &["/version"], "{", "1.2.3")[0].starts_with("F cannot be read: EOF")
        );
    }

    #[test]
    fn go_module_path_ends_in_the_major_version() {
        let module = |path: &str, version| {
            check(SourceFormat::GoMod, &["module"], &format!("module {path}\n\ngo 1.20\n"), version)
        };
        assert!(module("example.com/go", "1.2.3").is_empty());
        assert!(module("example.com/go/v2", "2.0.0").is_empty());
        assert_eq!(module("example.com/go", "2.0.0"), ["F has module example.com/go, which must end in /v2"]);
        assert_eq!(
            module("example.com/go/v3", "2.0.0"),
            ["F has module example.com/go/v3, which must end in /v2"]
        );
        assert_eq!(
            module("example.com/go/v2", "1.0.0"),
            ["F has module example.com/go/v2, which must not end in a version"]
        );
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "(?s).{0,200}") {
            for format in [SourceFormat::Json, SourceFormat::Yaml, SourceFormat::Xml, SourceFormat::Properties, SourceFormat::GoMod] {
                prop_assert!(!check(format, &["/no such key"], &text, "2.0.0").is_empty());
            }
        }
    }
}
