//! Type: what is known of a value before there is one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::Context;

/// What a value is, apart from its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TypeKind {
    /// `null`.
    Null = 1,
    /// `true` or `false`.
    Boolean = 1 << 1,
    /// A whole number.
    Integer = 1 << 2,
    /// A number with a fraction.
    Float = 1 << 3,
    /// A text.
    String = 1 << 4,
    /// A list.
    List = 1 << 5,
    /// A map.
    Map = 1 << 6,
    /// The handle of a secret, for which there are no operators.
    Secret = 1 << 7,
}

/// What is known of a value before there is one: the kinds that it may be of, and
/// what its parts are. Nothing known is [`Type::unknown`], which fits everything.
///
/// Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct Type {
    kinds: u8,
    /// The elements, if it is a list.
    element: Option<Arc<Type>>,
    /// The fields, if it is a map.
    fields: Option<Arc<Fields>>,
    /// All texts that it may be, if it is a string.
    words: Option<Arc<[String]>>,
}

/// The fields of a map.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields {
    /// Those that are known.
    pub known: BTreeMap<String, Type>,
    /// What all others are; none when there are no others.
    pub other: Option<Type>,
}

/// Most texts of a type that are still remembered.
const WORDS: usize = 256;

impl TypeKind {
    const ALL: [Self; 8] = [
        Self::Null,
        Self::Boolean,
        Self::Integer,
        Self::Float,
        Self::String,
        Self::List,
        Self::Map,
        Self::Secret,
    ];

    fn article(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Integer => "an integer",
            Self::Float => "a float",
            Self::String => "a string",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Secret => "a secret",
        }
    }
}

impl Type {
    /// A value of one kind.
    pub fn of(kind: TypeKind) -> Self {
        Self {
            kinds: kind as u8,
            element: None,
            fields: None,
            words: None,
        }
    }

    /// Any value but a secret.
    pub fn unknown() -> Self {
        Self {
            kinds: u8::MAX ^ TypeKind::Secret as u8,
            ..Self::of(TypeKind::Null)
        }
    }

    /// A whole number, or one with a fraction.
    pub fn number() -> Self {
        Self::of(TypeKind::Integer).or(&Self::of(TypeKind::Float))
    }

    /// What can stand within a text.
    pub fn scalar() -> Self {
        let text = Self::of(TypeKind::String).or(&Self::of(TypeKind::Boolean));
        text.or(&Self::number())
    }

    /// A list of such elements.
    pub fn list(element: Type) -> Self {
        Self {
            element: Some(Arc::new(element)),
            ..Self::of(TypeKind::List)
        }
    }

    /// A map with these fields.
    pub fn map(fields: Fields) -> Self {
        Self {
            fields: Some(Arc::new(fields)),
            ..Self::of(TypeKind::Map)
        }
    }

    /// One of these texts.
    pub fn one_of<T: Into<String>>(words: impl IntoIterator<Item = T>) -> Self {
        let words: Vec<String> = words.into_iter().map(Into::into).take(WORDS + 1).collect();
        Self {
            words: (words.len() <= WORDS).then(|| words.into()),
            ..Self::of(TypeKind::String)
        }
    }

    /// A value of this type or of the other.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        if self == other {
            return self.clone();
        }
        // A part is known if it is known on every side that has it. What two sides
        // know differently is forgotten, so that a type never grows by merging.
        let same = |kind| (self.may_be(kind), other.may_be(kind));
        let element = match same(TypeKind::List) {
            (true, false) => self.element.clone(),
            (false, true) => other.element.clone(),
            _ => self
                .element
                .clone()
                .filter(|_| self.element == other.element),
        };
        let fields = match same(TypeKind::Map) {
            (true, false) => self.fields.clone(),
            (false, true) => other.fields.clone(),
            _ => self.fields.clone().filter(|_| self.fields == other.fields),
        };
        let words = match same(TypeKind::String) {
            (true, false) => self.words.clone(),
            (false, true) => other.words.clone(),
            _ => match (&self.words, &other.words) {
                (Some(a), Some(b)) => {
                    let more = b.iter().filter(|word| !a.contains(word));
                    let all: Vec<String> = a.iter().chain(more).cloned().collect();
                    (all.len() <= WORDS).then(|| all.into())
                }
                _ => None,
            },
        };
        Self {
            kinds: self.kinds | other.kinds,
            element,
            fields,
            words,
        }
    }

    /// Whether the value may be of a kind.
    pub fn may_be(&self, kind: TypeKind) -> bool {
        self.kinds & kind as u8 != 0
    }

    /// Whether the value may be a number.
    pub fn may_be_number(&self) -> bool {
        self.may_be(TypeKind::Integer) || self.may_be(TypeKind::Float)
    }

    /// What the elements are, if it is a list.
    #[must_use]
    pub fn element(&self) -> Type {
        let element = self.element.as_deref();
        element.map_or_else(Self::unknown, Type::clone)
    }

    /// The fields, if it is a map of which they are known.
    pub fn fields(&self) -> Option<&Fields> {
        self.fields.as_deref()
    }

    /// All texts that it may be, if it is a string of which they are known.
    pub fn words(&self) -> Option<&[String]> {
        self.words.as_deref()
    }

    /// Whether a value of this type may be compared with one of the other, `null`
    /// apart: that is compared with everything, and yet a value that is only
    /// perhaps `null` is not there to be compared with another type.
    pub(super) fn shares_kind(&self, other: &Self) -> bool {
        let (a, b) = (self.without_null(), other.without_null());
        a == 0 || b == 0 || a & b != 0 || (self.may_be_number() && other.may_be_number())
    }

    /// Whether a value of this type may stand where one of the other is wanted.
    pub fn fits(&self, wanted: &Self) -> bool {
        let (a, b) = (self.without_null(), wanted.without_null());
        if a == 0 {
            return wanted.may_be(TypeKind::Null);
        }
        let common = a & b;
        let only = |kind: TypeKind| common == kind as u8;
        if common == 0 {
            // `2.0` is whole to a schema.
            self.may_be(TypeKind::Float) && wanted.may_be(TypeKind::Integer)
        } else if only(TypeKind::List) {
            self.element().fits(&wanted.element())
        } else if only(TypeKind::String) {
            self.shares_word(wanted)
        } else {
            true
        }
    }

    /// Whether a text of this type may be one of the other.
    pub(super) fn shares_word(&self, other: &Self) -> bool {
        match (&self.words, &other.words) {
            (Some(a), Some(b)) => a.iter().any(|word| b.contains(word)),
            _ => true,
        }
    }

    /// How to make a boolean of what other languages take for one; `shown` is the
    /// source of the value.
    pub fn truth(&self, shown: &str) -> Option<String> {
        if self.may_be(TypeKind::String) {
            Some(format!("compare it, such as `{shown} != ''`"))
        } else if self.may_be_number() {
            Some(format!("compare it, such as `{shown} != 0`"))
        } else {
            None
        }
    }

    /// Whether the value is a string, or `null` at most.
    pub(super) fn is_string(&self) -> bool {
        self.without_null() == TypeKind::String as u8
    }

    fn without_null(&self) -> u8 {
        self.kinds & !(TypeKind::Null as u8)
    }
}

/// With its article: `a string`, `a number or null`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kinds == Self::unknown().kinds {
            return f.write_str("any value");
        }
        let number = Self::number().kinds;
        let mut names = Vec::new();
        for kind in TypeKind::ALL {
            // What it mostly is comes first.
            if !self.may_be(kind) || kind == TypeKind::Null {
                continue;
            }
            let is_number = kind as u8 & number != 0;
            if is_number && self.kinds & number == number {
                if kind == TypeKind::Integer {
                    names.push("a number");
                }
            } else {
                names.push(kind.article());
            }
        }
        if self.may_be(TypeKind::Null) {
            names.push(TypeKind::Null.article());
        }
        match names.split_last() {
            Some((last, [])) => f.write_str(last),
            Some((last, others)) => write!(f, "{} or {last}", others.join(", ")),
            None => f.write_str("no value"),
        }
    }
}

/// The types of what expressions may name. A context that is not there is unknown.
#[derive(Debug, Clone, Default)]
pub struct Types(BTreeMap<Context, Type>);

impl Types {
    /// The same with one more context.
    #[must_use]
    pub fn with(mut self, context: Context, ty: Type) -> Self {
        self.0.insert(context, ty);
        self
    }

    /// The type of a context.
    pub fn of(&self, context: Context) -> Type {
        self.0.get(&context).cloned().unwrap_or_else(Type::unknown)
    }
}
