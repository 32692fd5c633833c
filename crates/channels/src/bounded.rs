//! Values of foreign documents that are read without keeping what is not used: a document within its limit could otherwise
//! take a hundred times its size in memory.

use std::fmt;

use model::UntrustedText;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;

/// The most digests of unknown kinds that are named.
const MAX_OTHER_HASHES: usize = 10;

/// Whether a key has a value other than `null` and `false`.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Presence(pub(crate) bool);

/// The digests of a file, by their names. The last of equal names counts, as in Python.
#[derive(Debug, Default)]
pub(crate) struct StatedHashes {
    pub(crate) sha256: Option<String>,
    pub(crate) sha512: Option<String>,
    /// The first names of others.
    pub(crate) others: Vec<String>,
}

/// A note that is a text or a flag: the reason of a deprecation.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Note {
    #[default]
    None,
    Flag,
    Text(UntrustedText),
}

impl<'de> Deserialize<'de> for Presence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Note::deserialize(deserializer)? != Note::None))
    }
}

impl<'de> Deserialize<'de> for Note {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NoteVisitor)
    }
}

struct NoteVisitor;

impl<'de> Visitor<'de> for NoteVisitor {
    type Value = Note;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a flag")
    }

    fn visit_unit<E>(self) -> Result<Note, E> {
        Ok(Note::None)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Note, E> {
        Ok(if value { Note::Flag } else { Note::None })
    }

    fn visit_i64<E>(self, _: i64) -> Result<Note, E> {
        Ok(Note::Flag)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Note, E> {
        Ok(Note::Flag)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Note, E> {
        Ok(Note::Flag)
    }

    fn visit_str<E>(self, text: &str) -> Result<Note, E> {
        Ok(Note::Text(UntrustedText::new(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Note, A::Error> {
        while values.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Note::Flag)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Note, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Note::Flag)
    }
}

impl<'de> Deserialize<'de> for StatedHashes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HashesVisitor;

        impl<'de> Visitor<'de> for HashesVisitor {
            type Value = StatedHashes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of digests")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<StatedHashes, A::Error> {
                let mut hashes = StatedHashes::default();
                while let Some(name) = entries.next_key::<String>()? {
                    match name.as_str() {
                        "sha256" => hashes.sha256 = entries.next_value()?,
                        "sha512" => hashes.sha512 = entries.next_value()?,
                        _ => {
                            entries.next_value::<IgnoredAny>()?;
                            if hashes.others.len() < MAX_OTHER_HASHES {
                                hashes.others.push(name);
                            }
                        }
                    }
                }
                Ok(hashes)
            }
        }

        deserializer.deserialize_map(HashesVisitor)
    }
}

/// Reads the value of one key of an object. The result is `None` if the object lacks it. A repeated key is an error:
/// clients differ in which value they use.
pub(crate) struct ValueOf<'k>(pub(crate) &'k str);

impl<'de> DeserializeSeed<'de> for ValueOf<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ValueOf<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = entries.next_key::<String>()? {
            if key != self.0 {
                entries.next_value::<IgnoredAny>()?;
            } else if found.replace(entries.next_value()?).is_some() {
                return Err(A::Error::custom(format!("the key {key} is repeated")));
            }
        }
        Ok(found)
    }
}

/// Reads the entries of an object, up to a number of them.
pub(crate) struct Entries(pub(crate) usize);

impl<'de> DeserializeSeed<'de> for Entries {
    type Value = Vec<(String, &'de RawValue)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            if found.len() == self.0 {
                return Err(de::Error::custom(format!("more than {} entries", self.0)));
            }
            found.push(entry);
        }
        Ok(found)
    }
}

/// Reads a value of a JSON text with a seed.
pub(crate) fn read_with<'de, S: DeserializeSeed<'de>>(
    seed: S,
    text: &'de str,
) -> Result<S::Value, serde_json::Error> {
    seed.deserialize(&mut serde_json::Deserializer::from_str(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_used_values_are_kept() {
        let note = |text: &str| serde_json::from_str::<Note>(text).unwrap();
        assert_eq!(note("\"old\""), Note::Text(UntrustedText::new("old")));
        assert_eq!((note("null"), note("false"), note("[[1],{}]")), (Note::None, Note::None, Note::Flag));
        let hashes: StatedHashes =
            serde_json::from_str(r#"{"md5": "x", "sha256": "a", "sha256": "b"}"#).unwrap();
        assert_eq!((hashes.sha256.as_deref(), hashes.others), (Some("b"), vec!["md5".to_owned()]));
    }

    #[test]
    fn entries_are_found_once() {
        let find = |text| read_with(ValueOf("b"), text).map(|it| it.map(RawValue::get));
        assert_eq!(find(r#"{"a": [1], "b": {"c": 2}}"#).unwrap(), Some(r#"{"c": 2}"#));
        assert_eq!(find(r#"{"a": 1}"#).unwrap(), None);
        assert!(find(r#"{"b": 1, "b": 2}"#).is_err());
        assert!(find("[]").is_err());
        assert_eq!(read_with(Entries(2), r#"{"a": 1, "b": 2}"#).unwrap().len(), 2);
        assert!(read_with(Entries(1), r#"{"a": 1, "b": 2}"#).is_err());
    }
}
