//! JSON values read into types, more strictly and more leniently than serde_json does.
//!
//! Strictly: an array is never taken for an object whose fields it might list in order. Leniently: the object of a variant may have
//! fields beside that variant. And a field that is missing is an error of its own kind, so that nobody has to look for it in a message.

use serde::Deserializer;
use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{self, Expected, IntoDeserializer, Unexpected, Visitor};
use serde_json::Value;
use std::fmt;

/// Why a value can't be read.
#[derive(Debug)]
pub(super) enum Wrong {
    /// A field is not there; without a name, the variant of an enum.
    Missing(Option<&'static str>),
    /// Anything else.
    Other(String),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wrong::Missing(Some(field)) => write!(f, "missing field `{field}`"),
            Wrong::Missing(None) => f.write_str("an empty object"),
            Wrong::Other(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Wrong {}

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Wrong::Other(what.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Wrong::Missing(Some(field))
    }
}

/// A value that is being read.
#[derive(Clone, Copy)]
pub(super) struct Json<'a>(pub(super) &'a Value);

impl Json<'_> {
    fn is_not(self, expected: &dyn Expected) -> Wrong {
        let kind = match self.0 {
            Value::Object(_) => Unexpected::Map,
            Value::Array(_) => Unexpected::Seq,
            _ => Unexpected::Other("plain value"),
        };
        de::Error::invalid_type(kind, expected)
    }
}

impl<'de> IntoDeserializer<'de, Wrong> for Json<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Json<'de> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(value), _) => visitor.visit_u64(value),
                (_, Some(value)) => visitor.visit_i64(value),
                _ => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(values) => visitor.visit_seq(SeqDeserializer::new(values.iter().map(Json))),
            Value::Object(fields) => {
                visitor.visit_map(MapDeserializer::new(fields.iter().map(|(name, value)| (name.as_str(), Json(value)))))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.0 {
            Value::Array(_) => Err(self.is_not(&visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, variants: &'static [&'static str], visitor: V) -> Result<V::Value, Wrong> {
        let is_variant = |name: &str| variants.contains(&name);
        match self.0 {
            Value::String(variant) => visitor.visit_enum(StrDeserializer::new(variant)),
            Value::Object(fields) => {
                let mut named = fields.iter().filter(|(name, _)| is_variant(name));
                match (named.next().or_else(|| fields.iter().next()), named.next()) {
                    (None, _) => Err(Wrong::Missing(None)),
                    (Some(_), Some(_)) => Err(de::Error::custom("more than one variant")),
                    (Some((name, value)), None) => {
                        let variant = std::iter::once((name.as_str(), Json(value)));
                        visitor.visit_enum(MapAccessDeserializer::new(MapDeserializer::new(variant)))
                    }
                }
            }
            _ => Err(self.is_not(&visitor)),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{End, Fact, IdRange, Step};
    use serde::Deserialize;
    use serde_json::json;

    fn read<'a, T: Deserialize<'a>>(value: &'a Value) -> Result<T, String> {
        T::deserialize(Json(value)).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn an_array_is_no_object() {
        let range = Ok(IdRange { inside: 0, outside: 1, length: 2 });
        assert_eq!(read(&json!({"inside": 0, "outside": 1, "length": 2, "since": {"a": [1]}})), range);
        assert!(read::<IdRange>(&json!([0, 1, 2])).is_err());
        assert!(read::<End>(&json!({"killed": [9, "overlay"]})).is_err());
    }

    #[test]
    fn a_variant_may_have_company() {
        assert_eq!(read(&json!({"since": "x", "known": 5})), Ok(Fact::Known(5)));
        assert_eq!(read::<Fact<u32>>(&json!("absent")), Ok(Fact::Absent));
        assert_eq!(read(&json!({"timed-out": "overlay"})), Ok(End::TimedOut(Step::Overlay)));
        for wrong in [json!({}), json!({"known": 5, "absent": null}), json!({"knwon": 5}), json!("knwon"), json!(5), json!({"known": -5})] {
            assert!(read::<Fact<u32>>(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_missing_is_told_apart_from_what_is_wrong() {
        let wrong = |value: Value| IdRange::deserialize(Json(&value)).expect_err("a length is missing or wrong");
        assert!(matches!(wrong(json!({"inside": 0, "outside": 1})), Wrong::Missing(Some("length"))));
        assert!(matches!(wrong(json!({"inside": 0, "outside": 1, "length": "missing field"})), Wrong::Other(_)));
    }
}
