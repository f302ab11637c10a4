//! What is looked up for every answer: how many objects there are, and how often what others lend to a
//! text has changed.

use super::super::super::{Context, Error, replica::apply::EPOCHS};

/// The marks of which the epoch of a type is the sum: users show groups, and no names of other users
/// but those in their own text.
pub(super) fn epochs(kind: &str) -> &'static [&'static str] {
    if kind == "User" {
        &EPOCHS[..1]
    } else {
        &EPOCHS
    }
}

/// The numbers of one resource type.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbers {
    /// How many objects there are.
    pub(super) count: usize,
    /// Grows whenever a text of the type may show another name, or another nesting of groups.
    pub(super) epoch: i64,
    /// Whether some objects have values without keys.
    pub(super) unkeyed: bool,
    /// Whether the keys are those of the present rules: else they are being put in.
    pub(super) keyed: bool,
}

impl Numbers {
    /// Reads them, all at once.
    pub(super) async fn read(cx: &Context) -> Result<Self, Error> {
        let kind = cx.kind().name;
        let (count, unkeyed) = (format!("count:{kind}"), format!("unkeyed:{kind}"));
        let rules = format!("rules:{kind}");
        let names = [
            count.as_str(),
            unkeyed.as_str(),
            rules.as_str(),
            EPOCHS[0],
            EPOCHS[1],
        ];
        let mut numbers = Self::default();
        for (name, number) in cx.app.store.numbers(&cx.tenant.name, &names).await? {
            if name == count {
                numbers.count = usize::try_from(number).unwrap_or_default();
            } else if name == rules {
                numbers.keyed = number == cx.mapped.shape.fingerprint;
            } else if name == unkeyed {
                numbers.unkeyed = number > 0;
            } else if epochs(kind).contains(&name.as_str()) {
                numbers.epoch += number;
            }
        }
        Ok(numbers)
    }
}
