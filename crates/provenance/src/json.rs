//! Check for unambiguous JSON, which every parser reads in the same way.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Rejects duplicate keys within an object, because RFC 8259, section 4, leaves open which of the values counts. If
/// `known` is given, other keys are rejected too.
///
/// # Errors
/// The key with its line and column. Text that is not exactly one JSON document is also an error.
pub(crate) fn reject_duplicate_keys(text: &[u8], known: Option<&[&str]>) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    KeyVisitor { known }.deserialize(&mut reader)?;
    reader.end()
}

/// Visits every object of a document. `None` allows any key.
#[derive(Clone, Copy)]
struct KeyVisitor<'k> {
    known: Option<&'k [&'k str]>,
}

impl<'de> DeserializeSeed<'de> for KeyVisitor<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for KeyVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let wrong = |reason: String| Err(serde::de::Error::custom(reason));
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            entries.next_value_seed(self)?;
            if self.known.is_some_and(|it| !it.contains(&key.as_str())) {
                return wrong(format!("unknown key {key:?}"));
            }
            if let Some(key) = seen.replace(key) {
                return wrong(format!("duplicate key {key:?}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_keys_are_rejected_at_any_depth() {
        let ambiguous = |text: &str| reject_duplicate_keys(text.as_bytes(), None).is_err();
        assert!(!ambiguous(r#"{"a": [1, -1, 1.5, null, true, "x", {"a": {}}], "b": {"a": 1}}"#));
        let twice =
            [r#"{"a": 1, "a": 1}"#, r#"[{"b": {"a": 1, "c": 2, "a": 3}}]"#, r#"{"a": 1, "\u0061": 1}"#];
        for text in twice.into_iter().chain(["", "{}{}", "{} x", "nul"]) {
            assert!(ambiguous(text), "{text}");
        }
    }

    #[test]
    fn unknown_keys_are_rejected_if_a_list_is_given() {
        let known = |text: &str| reject_duplicate_keys(text.as_bytes(), Some(&["a", "b"])).is_ok();
        assert!(known(r#"{"a": [{"b": 1}], "b": "c"}"#));
        assert!(!known(r#"{"a": [{"c": 1}]}"#));
    }
}
