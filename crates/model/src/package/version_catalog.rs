//! The libraries that a Gradle build names in `gradle/libs.versions.toml` (Gradle documentation, "Version Catalogs").

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// A version catalog, as far as it decides the dependencies of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionCatalog {
    /// The libraries by their name, `GROUP:ARTIFACT`, with all versions that the catalog states for it: several entries may
    /// name one library, and an entry may state a required, a strict and a preferred version. Empty if it states none.
    pub libraries: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Deserialize)]
struct CatalogFile {
    #[serde(default)]
    versions: BTreeMap<String, toml::Value>,
    #[serde(default)]
    libraries: BTreeMap<String, LibraryEntry>,
}

/// A library: `GROUP:ARTIFACT:VERSION`, or a table.
#[derive(Deserialize)]
#[serde(untagged)]
enum LibraryEntry {
    Text(String),
    Table {
        module: Option<String>,
        group: Option<String>,
        name: Option<String>,
        version: Option<toml::Value>,
    },
}

impl VersionCatalog {
    /// Parses a version catalog.
    ///
    /// # Errors
    /// The message of the parser if the text is not TOML, or has another form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: CatalogFile = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let referred = |it: &toml::Value| match it.get("ref").and_then(toml::Value::as_str) {
            Some(name) => file.versions.get(name).map(stated_versions).unwrap_or_default(),
            None => stated_versions(it),
        };
        let mut libraries: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for library in file.libraries.values() {
            let (name, versions) = match library {
                LibraryEntry::Text(text) => match text.rsplit_once(':') {
                    Some((name, version)) => (Some(name.to_owned()), vec![version.to_owned()]),
                    None => (None, Vec::new()),
                },
                LibraryEntry::Table { module, group, name, version } => {
                    let joined = || Some(format!("{}:{}", group.as_ref()?, name.as_ref()?));
                    (module.clone().or_else(joined), version.as_ref().map(referred).unwrap_or_default())
                }
            };
            if let Some(name) = name {
                libraries.entry(name).or_default().extend(versions);
            }
        }
        Ok(Self { libraries })
    }
}

/// Returns the versions that an entry states: a text, or a table with a required, a strict and a preferred one.
fn stated_versions(version: &toml::Value) -> Vec<String> {
    let stated = |it: &toml::Value| it.as_str().map(str::to_owned);
    match version {
        toml::Value::Table(table) => ["require", "strictly", "prefer"]
            .iter()
            .filter_map(|it| table.get(*it))
            .filter_map(stated)
            .collect(),
        other => stated(other).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_have_their_versions() {
        let text = "[versions]\nk = \"2.1\"\nrange = { strictly = \"[1,2)\", prefer = \"1.5\" }\n[libraries]\n\
                    a = { module = \"g:a\", version.ref = \"k\" }\nb = { group = \"g\", name = \"b\", version = \"3\" }\n\
                    c = \"g:c:4\"\nd = { module = \"g:d\", version.ref = \"range\" }\ne = { module = \"g:e\" }\n\
                    c2 = \"g:c:5\"\n";
        let libraries = VersionCatalog::parse(text).unwrap().libraries;
        let joined = |it: &BTreeSet<String>| it.iter().cloned().collect::<Vec<_>>().join(" ");
        let libraries: Vec<_> = libraries.iter().map(|it| format!("{} {}", it.0, joined(it.1))).collect();
        assert_eq!(libraries, ["g:a 2.1", "g:b 3", "g:c 4 5", "g:d 1.5 [1,2)", "g:e "]);
        assert!(VersionCatalog::parse("[libraries]\na = 1").is_err());
    }
}
