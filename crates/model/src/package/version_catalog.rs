//! The libraries that a Gradle build names in `gradle/libs.versions.toml` (Gradle documentation, "Version Catalogs").

use std::collections::BTreeMap;

use serde::Deserialize;

/// A version catalog, as far as it decides the dependencies of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionCatalog {
    /// The libraries by their name, `GROUP:ARTIFACT`, with their version. `None` if the catalog has no exact one.
    pub libraries: BTreeMap<String, Option<String>>,
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
        let exact = |it: &toml::Value| match it {
            toml::Value::String(version) => Some(version.clone()),
            toml::Value::Table(table) => {
                let name = table.get("ref").and_then(toml::Value::as_str)?;
                file.versions.get(name).and_then(toml::Value::as_str).map(str::to_owned)
            }
            _ => None,
        };
        let mut libraries = BTreeMap::new();
        for library in file.libraries.values() {
            let (name, version) = match library {
                LibraryEntry::Text(text) => match text.rsplit_once(':') {
                    Some((name, version)) => (Some(name.to_owned()), Some(version.to_owned())),
                    None => (None, None),
                },
                LibraryEntry::Table { module, group, name, version } => {
                    let joined = || Some(format!("{}:{}", group.as_ref()?, name.as_ref()?));
                    (module.clone().or_else(joined), version.as_ref().and_then(exact))
                }
            };
            libraries.extend(name.map(|it| (it, version)));
        }
        Ok(Self { libraries })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_have_their_versions() {
        let text = "[versions]\nk = \"2.1\"\nrange = { strictly = \"[1,2)\" }\n[libraries]\n\
                    a = { module = \"g:a\", version.ref = \"k\" }\nb = { group = \"g\", name = \"b\", version = \"3\" }\n\
                    c = \"g:c:4\"\nd = { module = \"g:d\", version.ref = \"range\" }\ne = { module = \"g:e\" }\n";
        let libraries = VersionCatalog::parse(text).unwrap().libraries;
        let libraries: Vec<_> = libraries.iter().map(|it| (it.0.as_str(), it.1.as_deref())).collect();
        assert_eq!(
            libraries,
            [("g:a", Some("2.1")), ("g:b", Some("3")), ("g:c", Some("4")), ("g:d", None), ("g:e", None)]
        );
        assert!(VersionCatalog::parse("[libraries]\na = 1").is_err());
    }
}
