//! Source maps (ECMA-426): which files of the tree a bundled file claims to be made of.

use model::Digest;
use serde_json::Value;

/// The largest number of sources of a map that are read.
const MAX_SOURCES: usize = 10_000;

/// The keys of a map (ECMA-426, "Source map format"), and those that bundlers add.
const KEYS: [&str; 10] = [
    "debugId",
    "file",
    "ignoreList",
    "mappings",
    "names",
    "sourceRoot",
    "sources",
    "sourcesContent",
    "version",
    "x_google_ignoreList",
];

/// A source of a map: its path relative to the package's root, and its content.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MappedSource {
    /// The path. `None` if it leads out of the package.
    pub(super) path: Option<String>,
    /// The digest of the source's text. `None` if the map does not contain it.
    pub(super) digest: Option<Digest>,
}

/// Returns the sources of a map that is in the folder `folder` of the package. Returns `None` if the map is malformed.
pub(super) fn mapped_sources(content: &[u8], folder: &str) -> Option<Vec<MappedSource>> {
    let map: Value = serde_json::from_slice(content).ok()?;
    let root = map.get("sourceRoot").and_then(Value::as_str).unwrap_or_default();
    let sources = map.get("sources")?.as_array()?;
    let texts = map.get("sourcesContent").and_then(Value::as_array);
    if sources.len() > MAX_SOURCES
        || map.get("version") != Some(&Value::from(3))
        || !map.as_object()?.keys().all(|it| KEYS.contains(&it.as_str()))
    {
        return None;
    }
    if texts.is_some_and(|it| it.len() != sources.len()) {
        return None;
    }
    let mut out = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let path = normalized(&format!("{folder}/{root}/{}", source.as_str()?));
        let text = texts.and_then(|it| it[index].as_str());
        out.push(MappedSource { path, digest: text.map(|it| Digest::of(it.as_bytes())) });
    }
    Some(out)
}

/// Resolves `.` and `..`. Returns `None` for a path that leads out of the root.
fn normalized(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_relative_to_the_map() {
        let map =
            br#"{"version":3,"sources":["../../src/a.ts","../../../b.ts"],"sourcesContent":["x",null]}"#;
        let sources = mapped_sources(map, "dist/cjs").unwrap();
        assert_eq!(
            sources[0],
            MappedSource { path: Some("src/a.ts".to_owned()), digest: Some(Digest::of(b"x")) }
        );
        assert_eq!(sources[1], MappedSource { path: None, digest: None });
        assert!(mapped_sources(br#"{"version":3,"sources":[],"evil":"x"}"#, "dist").is_none());
        assert!(mapped_sources(br#"{"version":2,"sources":[]}"#, "dist").is_none());
        assert!(mapped_sources(br#"{"version":3,"sources":["a"],"sourcesContent":[]}"#, "dist").is_none());
    }
}
