//! Scopes as paths, from the whole tenant down to one resource.

use super::errors::ArmError;

/// A scope, spelled as the caller did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope(pub String);

/// What a path addresses: a scope, and a type of Microsoft.Authorization in it.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    /// The scope.
    pub scope: Scope,
    /// `roleDefinitions`, `roleAssignments`, …
    pub kind: String,
    /// The resource's name and what follows it.
    pub rest: Vec<String>,
}

const PROVIDER: &str = "/providers/microsoft.authorization/";
const MANAGEMENT: &str = "/providers/microsoft.management/managementgroups/";

impl Place {
    /// Reads a path below the host. Clients of the service write `//`, and it does not mind.
    pub fn parse(path: &str) -> Result<Self, ArmError> {
        let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
        let path = format!("/{}", segments.join("/"));
        let at = path
            .to_ascii_lowercase()
            .rfind(PROVIDER)
            .ok_or_else(|| ArmError::path(&path))?;
        let scope = Scope::new(&path[..at])?;
        let mut rest = path[at + PROVIDER.len()..].split('/').map(str::to_owned);
        let kind = rest.next().unwrap_or_default();
        Ok(Self {
            scope,
            kind,
            rest: rest.collect(),
        })
    }
}

impl Scope {
    /// A scope, checked for its form; nothing of Azure but its scopes is simulated, so any name
    /// of a resource stands for one that exists.
    pub fn new(path: &str) -> Result<Self, ArmError> {
        let path = path.trim_matches('/');
        if path.is_empty() {
            return Ok(Self("/".to_owned()));
        }
        let scope = Self(format!("/{path}"));
        let count = path.split('/').count();
        let lower = scope.0.to_ascii_lowercase();
        let valid = if lower.starts_with(MANAGEMENT) {
            count == 4
        } else {
            lower.starts_with("/subscriptions/") && count.is_multiple_of(2)
        };
        if valid {
            Ok(scope)
        } else {
            Err(ArmError::scope(&scope.0))
        }
    }

    /// Whether `other` is this scope.
    pub fn is(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }

    /// Whether what holds here holds at `other` too: the same scope, or one above it. Every
    /// management group stands above every subscription.
    pub fn covers(&self, other: &Self) -> bool {
        let (own, other) = (self.0.to_ascii_lowercase(), other.0.to_ascii_lowercase());
        own == "/"
            || own == other
            || own.starts_with(MANAGEMENT) && other.starts_with("/subscriptions/")
            || other
                .strip_prefix(&own)
                .is_some_and(|rest| rest.starts_with('/'))
    }

    /// Where role definitions are seen from here: below the subscription, if there is one.
    pub fn definitions(&self) -> String {
        let mut parts = self.0.split('/').skip(1);
        match (parts.next(), parts.next()) {
            (Some(word), Some(id)) if word.eq_ignore_ascii_case("subscriptions") => {
                format!("/subscriptions/{id}")
            }
            _ => String::new(),
        }
    }

    /// The id of a resource here.
    pub fn resource(&self, kind: &str, name: &str) -> String {
        let scope = if self.0 == "/" { "" } else { &self.0 };
        format!("{scope}/providers/Microsoft.Authorization/{kind}/{name}")
    }

    /// What kind of scope it is, as PIM says it, and its last name.
    pub fn kind(&self) -> (&'static str, &str) {
        let count = self.0.split('/').filter(|s| !s.is_empty()).count();
        let kind = if self.0.to_ascii_lowercase().starts_with(MANAGEMENT) {
            "managementgroup"
        } else {
            match count {
                0 => "tenant",
                2 => "subscription",
                4 => "resourcegroup",
                _ => "resource",
            }
        };
        (kind, self.0.rsplit('/').next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        for (path, scope, kind, rest) in [
            (
                "/providers/Microsoft.Authorization/roleDefinitions",
                "/",
                "roleDefinitions",
                vec![],
            ),
            (
                "//subscriptions/s//providers/microsoft.authorization/roleAssignments/n",
                "/subscriptions/s",
                "roleAssignments",
                vec!["n"],
            ),
            (
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.X/y/z/providers/Microsoft.Authorization/roleAssignments",
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.X/y/z",
                "roleAssignments",
                vec![],
            ),
            (
                "/providers/Microsoft.Management/managementGroups/m/providers/Microsoft.Authorization/a/b/cancel",
                "/providers/Microsoft.Management/managementGroups/m",
                "a",
                vec!["b", "cancel"],
            ),
        ] {
            let place = Place::parse(path).unwrap();
            assert_eq!(
                (place.scope.0.as_str(), place.kind.as_str()),
                (scope, kind),
                "{path}"
            );
            assert_eq!(place.rest, rest, "{path}");
        }
        for path in [
            "/",
            "/subscriptions/s",
            "/x/providers/Microsoft.Authorization/roleAssignments",
        ] {
            assert!(Place::parse(path).is_err(), "{path}");
        }
    }

    #[test]
    fn scopes_cover_what_is_below() {
        for (upper, lower, covers) in [
            ("/", "/subscriptions/s", true),
            (
                "/subscriptions/s",
                "/subscriptions/S/resourceGroups/g",
                true,
            ),
            ("/subscriptions/s", "/subscriptions/st", false),
            (
                "/subscriptions/s/resourceGroups/g",
                "/subscriptions/s",
                false,
            ),
            (
                "/providers/Microsoft.Management/managementGroups/m",
                "/subscriptions/s",
                true,
            ),
            ("/subscriptions/s", "/", false),
        ] {
            let scope = |text: &str| Scope::new(text).unwrap();
            assert_eq!(
                scope(upper).covers(&scope(lower)),
                covers,
                "{upper} {lower}"
            );
        }
    }
}
